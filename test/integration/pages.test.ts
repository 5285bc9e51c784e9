import { chmod, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../cluster/api-server.ts';
import { run } from '../cluster/command.ts';
import { ensureTools } from '../cluster/tools.ts';

interface Block {
  readonly language: string;
  readonly text: string;
}

const paths = [
  'README.md',
  ...(await readdir('docs')).filter((file) => file.endsWith('.md')).map((file) => `docs/${file}`),
];
const pages = await Promise.all(paths.map(async (path) => ({ path, blocks: blocksOf(await readFile(path, 'utf8')) })));

function blocksOf(page: string): readonly Block[] {
  return [...page.matchAll(/^( *)```(\w+)\n([\s\S]*?)\n\1```$/gm)].map(([, indent = '', language = '', text = '']) => ({
    language,
    text: text.replaceAll(`\n${indent}`, '\n').trimStart(),
  }));
}

/** Each command on a line of its own, continued lines joined, placeholders filled in. */
function commandsOf(blocks: readonly Block[]): readonly string[] {
  return blocks
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.replaceAll(/\s*\\\n\s*/g, ' ').split('\n'))
    .map((line) =>
      line
        .replace(/\s+#\s.*$/, '')
        .replaceAll('<your registry>', 'registry.example.org')
        .trim(),
    )
    .filter((line) => line !== '');
}

/** What takes a node, a builder of images, or an hour: by whom it is run instead. */
const elsewhere: readonly (readonly [pattern: RegExp, by: string])[] = [
  [/^(CLUSTER=current CONFIRM=<context> )?make (demo|demo-node|test)$/, 'this is the demonstration and the test'],
  [
    /^make image /,
    'test/e2e/kit/setup.ts builds the last stage of that Dockerfile, .github/workflows/ci.yaml all of them',
  ],
  [/^make plugin$/, 'test/unit/cli/plugin.test.ts'],
  [/^kubectl agentcard ui$/, 'test/integration/ui'],
  [/^kind /, 'nobody: it takes a machine that runs containers; test/cluster starts a node instead'],
  [/^helm .* --repo /, 'nobody: it takes a chart and images of others; test/cluster/manifests installs SPIRE instead'],
  [/rollout status deployment/, 'test/e2e/lifecycle.test.ts; nothing runs pods here'],
  [/^helm test /, 'test/e2e/install.test.ts; nothing runs its pod here'],
  [/^helm uninstall (?!.*--no-hooks)/, 'test/e2e/lifecycle.test.ts; nothing runs the Job here'],
  [/cleanup --apply --operator/, 'test/e2e/lifecycle.test.ts'],
];
const isElsewhere = (command: string) => elsewhere.some(([pattern]) => pattern.test(command));

const install =
  'helm install agentcard-operator charts/agentcard-operator --namespace agentcard-system --create-namespace --set image.repository=x';

/** What a page takes for granted, as others bring it about. */
const given: Readonly<Record<string, readonly string[]>> = {
  'docs/operations.md': ['kubectl create namespace team-a'],
  'docs/callers.md': [
    install,
    'kubectl create namespace team-a',
    'kubectl apply -n team-a -f config/samples/agent.yaml',
  ],
  'docs/migration.md': [install],
};

let folder: string;

beforeAll(async () => {
  const { kubectl, helm } = await ensureTools(['kubectl', 'helm']);
  folder = await mkdtemp(join(tmpdir(), 'pages-'));
  await symlink(kubectl, join(folder, 'kubectl'));
  await symlink(helm, join(folder, 'helm'));
  const plugin = `#!/bin/sh\nexec '${process.execPath}' '${resolve('src/cli/main.ts')}' "$@"\n`;
  await writeFile(join(folder, 'kubectl-agentcard'), plugin);
  await chmod(join(folder, 'kubectl-agentcard'), 0o755);
});
afterAll(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true });
});

function shell(command: string, { kubeconfig, stdin }: { kubeconfig?: string; stdin?: string } = {}): Promise<string> {
  const env = {
    ...process.env,
    ...(kubeconfig ? { KUBECONFIG: kubeconfig } : {}),
    PATH: `${folder}:${process.env.PATH}`,
  };
  return run('bash', ['-euo', 'pipefail', '-c', command], stdin === undefined ? { env } : { env, stdin });
}

test('there is something to run, and what is run elsewhere is still in the text', () => {
  const commands = pages.flatMap(({ blocks }) => commandsOf(blocks));
  expect(commands.filter((command) => !isElsewhere(command)).length).toBeGreaterThan(20);
  for (const [pattern] of elsewhere) expect(commands.some((command) => pattern.test(command))).toBe(true);
});

const followed = pages.filter(({ blocks }) => commandsOf(blocks).some((command) => !isElsewhere(command)));

describe.each(followed)('a new user who follows $path, in its order', ({ path, blocks }) => {
  let server: ApiServer;

  beforeAll(async () => {
    server = await startApiServer();
    for (const command of given[path] ?? []) await shell(command, server);
  });
  afterAll(async () => {
    await server?.stop();
  });

  test.each(commandsOf(blocks).filter((command) => !isElsewhere(command)))('succeeds with %s', async (command) => {
    // An installation over another's kind wants no release of the same name.
    if (/--take-ownership/.test(command))
      await shell('helm uninstall agentcard-operator -n agentcard-system --no-hooks || true', server);
    // The agent of the samples, where the page's reader has it from another.
    if (/^kubectl (describe|agentcard (explain|quarantine))/.test(command))
      await shell('kubectl apply -n team-a -f config/samples/agent.yaml', server);
    if (/agentcard explain/.test(command)) {
      // Exit status 1: the card is there, and not Ready.
      expect(await shell(`${command} || test $? -eq 1`, server)).toContain('team-a/weather');
    } else {
      await shell(command, server);
    }
  });

  const manifests = blocks.flatMap(({ text }) => {
    const [, kind] = /^apiVersion: .*\nkind: (\w+)\n/.exec(text) ?? [];
    return kind === undefined ? [] : [{ kind, text }];
  });
  test.each(manifests)('the cluster takes the $kind that it shows', async ({ text }) => {
    await shell('kubectl apply --dry-run=server -f -', { ...server, stdin: text });
  });
});

test('the values for single namespaces install Roles alone', async () => {
  const values = pages.flatMap(({ blocks }) => blocks).find(({ text }) => text.startsWith('# values.yaml'))?.text ?? '';
  const rendered = 'helm template demo charts/agentcard-operator --kube-version 1.37.0 --no-hooks --values -';
  const manifests = await shell(rendered, { stdin: values });
  expect(manifests).toContain('namespace: team-b');
  expect(manifests).not.toMatch(/^kind: (Cluster|Custom|Validating|Mutating)/m);
});
