import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { neededPackages, neededTools, refusal } from '../../demos/quickstart/processes/machine.ts';
import { exists } from '../cluster/cache.ts';
import { run } from '../cluster/command.ts';
import { unshareArgs } from '../cluster/isolation.ts';
import { need } from '../cluster/packages.ts';
import { silent } from '../cluster/progress.ts';
import { places, readState } from '../cluster/state.ts';
import { ensureTools } from '../cluster/tools.ts';

/** A user of their own who is not root, but for the files that this one may read. */
const asUser = ['--user', '--map-user=1000', '--map-group=1000'];
const demo = [process.execPath, resolve('demos/quickstart/run.ts')];
let folder: string;
let env: NodeJS.ProcessEnv;
/** Where the machine lets no user without rights have namespaces, this one runs the demonstration itself. */
let prefix: readonly string[];

beforeAll(async () => {
  await need(neededPackages, silent);
  const tools = await ensureTools(neededTools);
  folder = await mkdtemp(join(tmpdir(), 'demo-'));
  for (const [name, path] of Object.entries(tools)) await symlink(path, join(folder, name));
  env = { ...process.env, AGENTCARD_CACHE: join(folder, 'cache'), AGENTCARD_TOOLS: folder, CLUSTER: '' };
  const mayNest = run('unshare', [...asUser, 'unshare', ...unshareArgs(['mount', '-t', 'tmpfs', 'x', '/run'], 1000)]);
  prefix = await mayNest.then(
    () => ['unshare', ...asUser],
    () => ['env'],
  );
});
afterAll(async () => {
  if (folder === undefined) return;
  await run('env', [...demo, '--down'], { env });
  await rm(folder, { recursive: true });
});

function start(args: readonly string[] = [], more: NodeJS.ProcessEnv = {}): Promise<string> {
  const [command = 'env', ...rest] = prefix;
  return run(command, [...rest, ...demo, ...args], { env: { ...env, ...more } });
}

test('the demonstration shows each verdict and what becomes of it, lets kubectl in, and leaves nothing running', async () => {
  const at = places(join(folder, 'cache', 'demo'));
  const said = await start();
  expect(said).toMatch(/^weather +Weather +True +ReadyToServe .* mtls +spiffe:\S+\/sa\/weather +2 /m);
  expect(said).toMatch(/^notes +Notes +False +NotVerified .* http /m);
  expect(said).toMatch(/^impostor +False +IdentityMismatch .*spiffe:\S+\/sa\/impostor +0/m);
  expect(said).toContain('✗ server-identity: expected spiffe://example.org/ns/agentcard-demo/sa/weather');
  expect(said).toMatch(/weather-signature-policy +app=weather/);
  expect(said).toMatch(/signature-verified=true\npod\/impostor-\S+ labeled\n\(taken off after/);
  expect(said).toMatch(/\(cut off after [\s\S]*^weather +Weather +False +Quarantined [\s\S]*\(proven anew after/m);
  expect(said).toMatch(/^weather +Weather +False +WorkloadNotReady [\s\S]*\(proven anew after/m);
  expect(said).toContain('What this did not show');

  const pods = await run(at.kubectl, ['-n', 'agentcard-demo', 'get', 'pods', '-o', 'name']);
  expect(pods.trim().split('\n')).toHaveLength(4);
  await start(['--down']);
  expect(await readState(at)).toBeUndefined();
  expect(await exists(at.kubeconfig)).toBe(false);
}, 240_000);

test('where a user may have no namespaces, the way with sudo is told before anything is built', async () => {
  const forbid = 'echo 0 > /proc/sys/user/max_user_namespaces; exec "$@"';
  const args = [...asUser, '--keep-caps', 'sh', '-c', forbid, 'sh', ...demo];
  const without = { ...env, AGENTCARD_TOOLS: '' };
  await expect(run('unshare', args, { env: without })).rejects.toThrow('sudo -E env "PATH=$PATH" make demo');
  expect(refusal('why', 0)).not.toContain('sudo');
});

test.each(['demo', 'demo-node'])('make %s touches the cluster of a kubeconfig only under its name', async (target) => {
  const kubeconfig = join(folder, 'kubeconfig');
  const contexts = 'contexts: [{name: precious, context: {cluster: c, user: u}}]\ncurrent-context: precious\n';
  await writeFile(kubeconfig, `apiVersion: v1\nkind: Config\n${contexts}`);
  const path = `${folder}:${process.env.PATH}`;
  const args = target === 'demo' ? [] : ['--node'];
  for (const confirm of ['', 'other']) {
    const outcome = start(args, { CLUSTER: 'current', CONFIRM: confirm, KUBECONFIG: kubeconfig, PATH: path });
    await expect(outcome).rejects.toThrow('CLUSTER=current CONFIRM=precious');
  }
});

test('the Makefile has the demonstrations under these names', async () => {
  const makefile = await readFile('Makefile', 'utf8');
  const recipeOf = (target: string) => new RegExp(`^${target}:.*\\n\\t(.*)$`, 'm').exec(makefile)?.[1];
  expect(['demo', 'demo-down', 'demo-node', 'demo-node-down'].map(recipeOf)).toEqual(
    ['', ' --down', ' --node', ' --node --down'].map((args) => `$(NODE) demos/quickstart/run.ts${args}`),
  );
});
