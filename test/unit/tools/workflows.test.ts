import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const folder = '.github/workflows';
const targets = new Set([...readFileSync('Makefile', 'utf8').matchAll(/^([a-z0-9-]+):/gm)].map(([, target]) => target));

interface Job {
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly steps: readonly {
    readonly run?: string;
    readonly uses?: string;
    readonly with?: { readonly path?: string };
  }[];
}

describe.each(readdirSync(folder))('workflow %s', (file) => {
  const text = readFileSync(`${folder}/${file}`, 'utf8');
  const workflow = parse(text) as { permissions: unknown; jobs: Readonly<Record<string, Job>> };
  const jobs = Object.entries(workflow.jobs);

  test('runs actions of one commit each, and says which version that is', () => {
    const uses = text.split('\n').filter((line) => /\buses:/.test(line));
    expect(uses.length).toBeGreaterThan(0);
    for (const line of uses) expect(line).toMatch(/uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  test('may read the source, and write what a job names', () => {
    expect(workflow.permissions).toEqual({ contents: 'read' });
    const writers = jobs.filter(([, { permissions = {} }]) => Object.values(permissions).includes('write'));
    expect(writers.map(([name]) => name)).toEqual(file === 'release.yaml' ? ['image', 'chart', 'publish'] : []);
  });

  test('caches no path with .., which actions/cache refuses without failing', () => {
    const paths = jobs.flatMap(([, { steps }]) =>
      steps.flatMap(({ uses = '', with: { path = '' } = {} }) => (uses.startsWith('actions/cache@') ? [path] : [])),
    );
    expect(paths).toHaveLength(file === 'ci.yaml' ? 1 : 0);
    expect(paths.filter((path) => path.includes('..'))).toEqual([]);
  });

  test('ends, and makes what the Makefile has', () => {
    for (const [, job] of jobs) {
      expect(job['timeout-minutes']).toBeGreaterThan(0);
      const made = job.steps.flatMap(({ run = '' }) =>
        [...run.matchAll(/\bmake ([a-z -]+)/g)].flatMap(([, all = '']) => all.trim().split(' ')),
      );
      expect(made.filter((target) => !targets.has(target))).toEqual([]);
    }
  });
});

test('what is released is signed by its digest', () => {
  const { jobs } = parse(readFileSync(`${folder}/release.yaml`, 'utf8')) as { jobs: Record<string, Job> };
  for (const name of ['image', 'chart']) {
    const commands = jobs[name]?.steps.map(({ run = '' }) => run).join('\n');
    expect(commands).toMatch(/cosign sign --yes "\$\S+@\$DIGEST"/);
  }
});
