import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { cli, onCluster, oneSentence } from './cli.ts';

afterEach(() => vi.unstubAllEnvs());

const named = (...names: string[]) => ({ items: names.map((name) => ({ metadata: { name } })) });
const answers: Readonly<Record<string, object>> = {
  'GET /apis/agent.kagenti.dev/v1alpha1/namespaces/team/agentcards': named('weather', 'wind', 'sun'),
  'GET /apis/agent.kagenti.dev/v1alpha1/namespaces/other/agentcards': named('whale'),
  'GET /api/v1/namespaces': named('team', 'other', 'kube-system'),
};

/** What kubectl is told behind these words, on a cluster with cards in two namespaces. */
async function asked(...words: string[]) {
  const { kubeconfig, requests } = await onCluster((call) => answers[call] ?? 404);
  vi.stubEnv('KUBECONFIG', kubeconfig);
  const { status, out, err } = await cli(['__complete', ...words]);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return { lines: out.split('\n').slice(0, -1), requests };
}

describe('kubectl is told', () => {
  test.each([
    [
      ['explain', ''],
      ['weather', 'wind', 'sun', ':4'],
    ],
    [
      ['explain', 'we'],
      ['weather', ':4'],
    ],
    [
      ['approve', '-n', 'other', ''],
      ['whale', ':4'],
    ],
    [
      ['quarantine', '--namespace=other', 'w'],
      ['whale', ':4'],
    ],
    [
      ['release', '--context', 'fake', 'wi'],
      ['wind', ':4'],
    ],
    [['quarantine', '--reason', ''], [':4']],
    [['explain', 'weather', ''], [':4']],
    [
      ['explain', '-n', ''],
      ['team', 'other', 'kube-system', ':4'],
    ],
    [
      ['cleanup', '--namespaces', 'k'],
      ['kube-system', ':4'],
    ],
    [
      ['explain', '-o', ''],
      ['text', 'json', 'yaml', ':4'],
    ],
    [
      ['migrate', '--output', 'n'],
      ['name', ':4'],
    ],
    [
      ['canonicalize', '--form', 'raw'],
      ['raw-jcs', ':4'],
    ],
    [['explain', '--kubeconfig', ''], [':0']],
    [['verify', ''], [':0']],
    [['diff', 'a.json', ''], [':0']],
    [
      ['completion', ''],
      ['bash', 'zsh', ':4'],
    ],
    [['ver'], ['verify', 'version', ':4']],
    [['frobnicate', ''], [':4']],
    [
      ['explain', '--as'],
      ['--as', '--as-group', ':4'],
    ],
  ])('behind %j: %j', async (words, wanted) => {
    expect((await asked(...words)).lines).toEqual(wanted);
  });

  test('nothing, and no failure, where no cluster answers or the words make no sense', async () => {
    const { kubeconfig } = await onCluster(() => 403);
    vi.stubEnv('KUBECONFIG', kubeconfig);
    for (const words of [
      ['explain', ''],
      ['explain', '-n', ''],
      ['explain', '--nonsense', ''],
      ['explain', '--as-group', 'x', ''],
    ])
      expect(await cli(['__complete', ...words])).toEqual({ status: 0, out: ':4\n', err: '' });
    vi.stubEnv('KUBECONFIG', '/nowhere');
    expect(await cli(['__complete', 'explain', ''])).toEqual({ status: 0, out: ':4\n', err: '' });
  });

  test('names without their cards, as whoever the options name', async () => {
    const { requests } = await asked('explain', '--as', 'jane', '');
    expect(requests.map(({ headers }) => headers['impersonate-user'])).toEqual(['jane']);
    expect(requests.map(({ headers }) => headers.accept)).toEqual([
      expect.stringContaining('PartialObjectMetadataList'),
    ]);
  });
});

test('a shell that has the script completes what the plugin answers', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'completion-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const { out } = await cli(['completion', 'bash']);
  const plugin = join(folder, 'kubectl-agentcard');
  writeFileSync(plugin, `#!/bin/sh\nprintf '%s\\n' "$@" > ${folder}/asked\nprintf 'weather\\nwind\\n:4\\n'\n`, {
    mode: 0o755,
  });
  const script = `${out}COMP_WORDS=(kubectl-agentcard explain w); COMP_CWORD=2; _kubectl_agentcard; echo "\${COMPREPLY[@]}"; cat ${folder}/asked`;
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
  const { stdout } = spawnSync('bash', ['-c', script], { encoding: 'utf8', env });
  expect(stdout).toBe('weather wind\n__complete\nexplain\nw\n');
  expect((await cli(['completion', 'zsh'])).out).toBe(
    `#compdef kubectl-agentcard\nautoload -U bashcompinit && bashcompinit\n${out}`,
  );
  expect(await cli(['completion', 'fish'])).toMatchObject(oneSentence);
});
