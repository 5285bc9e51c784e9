import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePorts } from '../../cluster/ports.ts';
import { FakeWorkloadApi, svidMessage } from '../../pki/fake-workload-api.ts';
import { type Minted, pemOf, root, svid } from '../../pki/mint.ts';
import { startSigner } from './signer-process.ts';

const id = 'spiffe://a.test/ns/team1/sa/agent';
const authority = root('a.test');
const api = new FakeWorkloadApi();
const folder = mkdtempSync(join(tmpdir(), 'signer-process-'));
const bundle = join(folder, 'bundle.pem');
const patience = { timeout: 30_000, interval: 20 };
const card = { name: 'Weather', version: '1', url: 'http://weather.team1.svc', 'x-vendor': [{}] };

beforeAll(async () => {
  await api.start();
  writeFileSync(bundle, pemOf(authority));
});
afterAll(() => api.stop());

const give = (leaf: Minted) => api.send({ svids: [svidMessage(id, [leaf], [authority])] });

function pod(name: string) {
  const shared = join(folder, name);
  mkdirSync(shared);
  const unsigned = join(shared, 'agent.json');
  const target = join(shared, 'well-known', 'agent-card.json');
  mkdirSync(join(shared, 'well-known'));
  writeFileSync(unsigned, JSON.stringify(card));
  const env = { SPIFFE_ENDPOINT_SOCKET: api.address, UNSIGNED_CARD_PATH: unsigned, AGENT_CARD_PATH: target };
  return { shared, unsigned, target, env };
}

function verify(file: string) {
  const main = join(import.meta.dirname, '../../../src/cli/main.ts');
  const args = [main, 'verify', file, '--bundle', bundle, '--trust-domain', 'a.test', '--spiffe-id', id, '-o', 'json'];
  return JSON.parse(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout);
}

test('an init container signs once and exits, and the command line verifies what it wrote', async () => {
  const { target, env } = pod('init');
  give(svid(authority, id));
  const signer = startSigner(env);
  expect(await signer.exit).toBe(0);
  expect(verify(target)).toMatchObject({ verified: true, reason: 'SignatureValid', form: 'raw-jcs' });
  const { signatures: _, ...rest } = JSON.parse(readFileSync(target, 'utf8'));
  expect(rest).toEqual(card);
});

test('a sidecar is ready once it has signed, signs again across a rotation, and stops on SIGTERM', async () => {
  const { target, env } = pod('sidecar');
  const [port] = await freePorts(1);
  const ready = async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
  api.send({ svids: [] });
  const signer = startSigner(env, ['--sidecar', `--health-probe-bind-address=127.0.0.1:${port}`]);
  await vi.waitFor(async () => expect(await ready()).toBe(503), patience);
  give(svid(authority, id));
  await vi.waitFor(async () => expect(await ready()).toBe(200), patience);
  const { keyId } = verify(target);
  give(svid(authority, id));
  await vi.waitFor(
    () => expect(verify(target)).toMatchObject({ verified: true, keyId: expect.not.stringMatching(keyId) }),
    patience,
  );
  expect(await ready()).toBe(200);
  signer.child.kill('SIGTERM');
  expect(await signer.exit).toBe(0);
});

test.each([
  ['a read-only volume', 'mount --bind "$D" "$D"; mount -o remount,bind,ro "$D"', 'such as an emptyDir, at'],
  [
    'a mount of the file alone',
    'touch "$D/agent-card.json"; mount --bind "$D/../agent.json" "$D/agent-card.json"',
    'without subPath',
  ],
  ['a full volume', 'mount -t tmpfs -o size=4k,nr_inodes=1 tmpfs "$D"', 'the volume is full'],
])('%s is refused with what to do', async (what, before, advice) => {
  const { shared, env } = pod(what);
  give(svid(authority, id));
  const signer = startSigner({ ...env, D: join(shared, 'well-known') }, [], before);
  expect(await signer.exit).toBe(1);
  expect(signer.lines()).toMatchObject([{ code: 'TargetNotWritable', reason: expect.stringContaining(advice) }]);
});

test('a required ConfigMap is refused outside a cluster, after the card was written', async () => {
  const { target, env } = pod('configmap');
  give(svid(authority, id));
  const signer = startSigner({ ...env, AGENT_NAME: 'weather', POD_NAMESPACE: 'team1' }, ['--configmap=required']);
  expect(await signer.exit).toBe(1);
  expect(signer.lines().at(-1)).toMatchObject({
    code: 'ConfigMapNotWritten',
    reason: expect.stringContaining('not in a pod'),
  });
  expect(verify(target)).toMatchObject({ verified: true });
});
