import { chmod, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../cluster/api-server.ts';
import { run } from '../cluster/command.ts';
import { ensureTools } from '../cluster/tools.ts';

const readme = await readFile('README.md', 'utf8');

interface Block {
  readonly language: string;
  readonly text: string;
}

const blocks: readonly Block[] = [...readme.matchAll(/^( *)```(\w+)\n([\s\S]*?)\n\1```$/gm)].map(
  ([, indent = '', language = '', text = '']) => ({ language, text: text.replaceAll(`\n${indent}`, '\n').trimStart() }),
);

/** Each command on a line of its own, continued lines joined, placeholders filled in. */
const commands = blocks
  .filter(({ language }) => language === 'sh')
  .flatMap(({ text }) => text.replaceAll(/\s*\\\n\s*/g, ' ').split('\n'))
  .map((line) =>
    line
      .replace(/\s+#\s.*$/, '')
      .replaceAll('<your registry>', 'registry.example.org')
      .trim(),
  )
  .filter((line) => line !== '');

/** What takes a node, a builder of images, or an hour: by whom it is run instead. */
const elsewhere: readonly (readonly [pattern: RegExp, by: string])[] = [
  [/^make (demo|test)$/, 'this is the demonstration and the test'],
  [/^make image /, 'test/e2e/kit/setup.ts builds the same Dockerfile'],
  [/^make plugin$/, 'test/unit/cli/plugin.test.ts'],
  [/rollout status deployment/, 'test/e2e/lifecycle.test.ts; nothing runs pods here'],
  [/^helm uninstall (?!.*--no-hooks)/, 'test/e2e/lifecycle.test.ts; nothing runs the Job here'],
  [/cleanup --apply --operator/, 'test/e2e/lifecycle.test.ts'],
];
const isElsewhere = (command: string) => elsewhere.some(([pattern]) => pattern.test(command));

let server: ApiServer;
let folder: string;
let shell: (command: string, stdin?: string) => Promise<string>;

beforeAll(async () => {
  const { kubectl, helm } = await ensureTools(['kubectl', 'helm']);
  server = await startApiServer();
  folder = await mkdtemp(join(tmpdir(), 'readme-'));
  await symlink(kubectl, join(folder, 'kubectl'));
  await symlink(helm, join(folder, 'helm'));
  const plugin = `#!/bin/sh\nexec '${process.execPath}' '${resolve('src/cli/main.ts')}' "$@"\n`;
  await writeFile(join(folder, 'kubectl-agentcard'), plugin);
  await chmod(join(folder, 'kubectl-agentcard'), 0o755);
  const env = { ...process.env, KUBECONFIG: server.kubeconfig, PATH: `${folder}:${process.env.PATH}` };
  shell = (command, stdin) =>
    run('bash', ['-euo', 'pipefail', '-c', command], stdin === undefined ? { env } : { env, stdin });
  await shell('kubectl create namespace team-b');
});
afterAll(async () => {
  await server?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

test('there is something to run, and what is run elsewhere is still in the text', () => {
  expect(commands.filter((command) => !isElsewhere(command)).length).toBeGreaterThan(8);
  for (const [pattern] of elsewhere) expect(commands.some((command) => pattern.test(command))).toBe(true);
});

describe('a new user who follows the text, in its order', () => {
  test.each(commands.filter((command) => !isElsewhere(command)))('%s', async (command) => {
    // A rollback wants an earlier revision, an installation over another's kind no release of the same name.
    if (/--take-ownership/.test(command))
      await shell('helm uninstall agentcard-operator -n agentcard-system --no-hooks || true');
    if (/^kubectl (describe|agentcard explain)/.test(command)) await shell('kubectl apply -f -', manifest('AgentCard'));
    if (/agentcard explain/.test(command)) {
      // Exit status 1: the card is there, and not Ready.
      expect(await shell(`${command} || test $? -eq 1`)).toContain('AgentCard team-a/weather');
    } else {
      await shell(command);
    }
  });
});

function manifest(kind: string): string {
  const found = blocks.find(({ language, text }) => language === 'yaml' && text.includes(`kind: ${kind}\n`));
  if (found === undefined) throw new Error(`the README shows no ${kind}`);
  return found.text;
}

test('the values for single namespaces install Roles alone', async () => {
  const values = blocks.find(({ text }) => text.startsWith('# values.yaml'))?.text ?? '';
  const rendered = 'helm template demo charts/agentcard-operator --kube-version 1.37.0 --no-hooks --values -';
  const manifests = await shell(rendered, values);
  expect(manifests).toContain('namespace: team-b');
  expect(manifests).not.toMatch(/^kind: (Cluster|Custom|Validating|Mutating)/m);
});

test('every file and target that the text names is there', async () => {
  const makefile = await readFile('Makefile', 'utf8');
  for (const [, target] of readme.matchAll(/`make ([a-z-]+)/g))
    expect(makefile).toMatch(new RegExp(`^${target}:`, 'm'));
  for (const [, path = ''] of readme.matchAll(/`((?:config|charts|src|test|demos)\/[a-z0-9/.-]+)`/g)) {
    await expect(run('test', ['-e', path])).resolves.toBeDefined();
  }
});
