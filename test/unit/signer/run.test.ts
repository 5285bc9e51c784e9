import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseStrictObject } from '../../../src/agentcard/document/strict-json.ts';
import { defaultForms } from '../../../src/agentcard/forms/forms.ts';
import { verifyCard } from '../../../src/agentcard/signature/verify.ts';
import { run } from '../../../src/signer/run.ts';
import { freePorts } from '../../cluster/ports.ts';
import { FakeWorkloadApi, svidMessage } from '../../pki/fake-workload-api.ts';
import { hour, keyPemOf, type Minted } from '../../pki/mint.ts';
import { fakeApi, refuse } from '../kube/fake-api.ts';
import { agentId, authority, newLeaf, signersWorld, trust, weather } from './world.ts';

const patience = { timeout: 10_000, interval: 5 };
let api: FakeWorkloadApi;

beforeEach(async () => {
  api = new FakeWorkloadApi();
  await api.start();
});
afterEach(() => api.stop());

const give = (leaf: Minted) => api.send({ svids: [svidMessage(agentId, [leaf], [authority])] });

/** The signature in the file, as anyone with the bundle sees it. */
function evidenceIn(path: string) {
  const card = parseStrictObject(readFileSync(path));
  if (!card.ok) throw new Error(card.error.message);
  return verifyCard({ card: card.value, bundles: trust, now: new Date(), forms: defaultForms });
}

function start(signer: ReturnType<typeof signersWorld>, ...args: string[]) {
  return run(args, { ...signer.env, SPIFFE_ENDPOINT_SOCKET: api.address }, signer.world);
}

describe('an init container', () => {
  test('waits for its X509-SVID, signs, and succeeds', async () => {
    const signer = signersWorld();
    const done = start(signer);
    await vi.waitFor(() => expect(api.headers).toHaveLength(1), patience);
    give(newLeaf());
    expect(await done).toBe(0);
    expect(await evidenceIn(signer.target)).toMatchObject({ outcome: 'valid', good: { signer: { uri: agentId } } });
    expect(signer.logged('the card is signed')).toMatchObject([{ signer: agentId, algorithm: 'ES256' }]);
  });

  test('has its X509-SVID soon after the registration entry comes', async () => {
    const signer = signersWorld();
    api.end(status.PERMISSION_DENIED);
    const done = start(signer);
    await vi.waitFor(() => expect(api.headers.length).toBeGreaterThan(4), patience);
    give(newLeaf());
    expect(await done).toBe(0);
    expect(signer.logged('trouble with the Workload API')).toMatchObject([{ code: 'WorkloadApiDenied' }]);
  });

  test.each([
    ['has no identity for us', () => api.end(status.PERMISSION_DENIED), 'WorkloadApiDenied', 'registration entry'],
    ['is away', () => api.stop(), 'WorkloadApiUnavailable', 'SPIFFE_ENDPOINT_SOCKET'],
    ['says nothing', () => undefined, 'WorkloadApiUnavailable', 'waiting for the Workload API'],
    ['is none', () => api.end(status.UNIMPLEMENTED), 'WorkloadApiUnsupported', 'correct the address'],
  ])('fails with what to do when the Workload API %s', async (_what, prepare, code, advice) => {
    const signer = signersWorld();
    prepare();
    expect(await start(signer, '--sign-timeout=300ms')).toBe(1);
    expect(signer.logged('the signer gives up')).toMatchObject([{ code, reason: expect.stringContaining(advice) }]);
    expect(existsSync(signer.target)).toBe(false);
  });

  test('fails at once for an address that is none', async () => {
    const signer = signersWorld();
    expect(await start(signer, '--spiffe-endpoint-socket=/run/agent.sock')).toBe(1);
    expect(signer.logged('the signer gives up')).toMatchObject([{ code: 'WorkloadApiAddressInvalid' }]);
  });

  test.each([
    ['{}', 'CardInvalid', 'neither: not an AgentCard'],
    ['{"name":', 'CardInvalid', 'not JSON: line 1'],
  ])('fails for an unsigned card that is none: %s', async (card, code, reason) => {
    const signer = signersWorld({}, card);
    give(newLeaf());
    expect(await start(signer)).toBe(1);
    expect(signer.logged('the signer gives up')).toMatchObject([{ code, reason: expect.stringContaining(reason) }]);
  });

  test('stops when it is told to', async () => {
    const signer = signersWorld();
    const done = start(signer);
    await vi.waitFor(() => expect(api.headers).toHaveLength(1), patience);
    signer.stop();
    expect(await done).toBe(1);
    expect(signer.logged('the signer gives up')).toMatchObject([{ code: 'Stopped' }]);
  });

  test('never writes its key anywhere', async () => {
    const leaf = newLeaf();
    const signer = signersWorld();
    give(leaf);
    await start(signer, '--agent-name=weather');
    const written = JSON.stringify(signer.lines) + readFileSync(signer.target, 'utf8');
    const der = leaf.privateKey.export({ type: 'pkcs8', format: 'der' });
    expect(written).not.toContain('PRIVATE KEY');
    expect(written).not.toContain(keyPemOf(leaf).split('\n')[1]);
    expect(written).not.toContain(der.subarray(-40).toString('base64url').slice(2, 40));
  });
});

describe('the ConfigMap', () => {
  const named = ['--agent-name=weather', '--pod-namespace=team1'];

  test('is best effort unless it is required', async () => {
    for (const [more, code] of [
      [[], 0],
      [['--configmap=required'], 1],
      [['--configmap=off'], 0],
    ] as const) {
      const { client } = await fakeApi([refuse(403)]);
      const signer = signersWorld({ connect: () => client });
      give(newLeaf());
      expect(await start(signer, ...named, ...more)).toBe(code);
      const told = signer.lines.filter((line) => line.code === 'ConfigMapNotWritten');
      expect(told).toHaveLength(more[0] === '--configmap=off' ? 0 : 1);
      for (const line of told) expect(line.reason).toContain('get, create and patch configmaps');
    }
  });

  test('goes into the namespace that was named, owned by the pod that was named', async () => {
    const { client, requests } = await fakeApi([refuse(404), (response) => void response.end('{}')]);
    const signer = signersWorld({ connect: () => client });
    give(newLeaf());
    expect(await start(signer, ...named, '--pod-name=weather-1', '--pod-uid=uid-1')).toBe(0);
    const { metadata, data } = JSON.parse(requests[1]?.body ?? '');
    expect(metadata).toMatchObject({ namespace: 'team1', ownerReferences: [{ name: 'weather-1', uid: 'uid-1' }] });
    expect(data).toEqual({ 'signed-agent-card.json': readFileSync(signer.target, 'utf8') });
    expect(signer.logged('the signed card is published')).toMatchObject([{ configMap: 'team1/weather-card-signed' }]);
  });
});

describe('a sidecar', () => {
  const sidecar = ['--sidecar', '--health-probe-bind-address=127.0.0.1:0'];

  test('signs again with every X509-SVID, replacing the file at once, and stops when it is told to', async () => {
    const signer = signersWorld();
    const [first, second] = [newLeaf(), newLeaf()];
    give(first);
    const done = start(signer, ...sidecar);
    const signedBy = (leaf: Minted) =>
      vi.waitFor(() => {
        const x5c = leaf.der.toString('base64');
        expect(
          Buffer.from(JSON.parse(readFileSync(signer.target, 'utf8')).signatures[0].protected, 'base64url').toString(),
        ).toContain(x5c);
      }, patience);
    await signedBy(first);
    const { ino } = statSync(signer.target);
    give(first);
    give(second);
    await signedBy(second);
    expect(statSync(signer.target).ino).not.toBe(ino);
    expect(await evidenceIn(signer.target)).toMatchObject({ outcome: 'valid' });
    signer.stop();
    expect(await done).toBe(0);
    expect(signer.logged('the card is signed')).toHaveLength(2);
  });

  test('is alive from the start, and ready while the certificate of its signature is valid', async () => {
    let now = new Date();
    const signer = signersWorld({ now: () => now });
    const [port] = await freePorts(1);
    const probe = async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
      return [response.status, await response.text()] as const;
    };
    const done = start(signer, '--sidecar', `--health-probe-bind-address=127.0.0.1:${port}`);
    await vi.waitFor(async () => expect((await probe('/healthz'))[0]).toBe(200), patience);
    expect(await probe('/readyz')).toEqual([503, expect.stringContaining('the card is not signed yet')]);
    give(newLeaf());
    await vi.waitFor(async () => expect((await probe('/readyz'))[0]).toBe(200), patience);
    now = new Date(now.getTime() + 48 * hour);
    expect(await probe('/readyz')).toEqual([
      503,
      expect.stringContaining('the certificate of the signature has ended'),
    ]);
    expect((await probe('/healthz'))[0]).toBe(200);
    signer.stop();
    expect(await done).toBe(0);
  });

  test('keeps the card, and itself, through everything that goes wrong', async () => {
    const signer = signersWorld({}, '{}');
    give(newLeaf());
    const done = start(signer, ...sidecar);
    await vi.waitFor(() => expect(signer.logged('the card is not signed; trying again')).not.toEqual([]), patience);
    writeFileSync(signer.unsigned, JSON.stringify(weather));
    await vi.waitFor(async () => expect((await evidenceIn(signer.target)).outcome).toBe('valid'), patience);
    const before = readFileSync(signer.target, 'utf8');
    api.end(status.UNAVAILABLE);
    await vi.waitFor(() => expect(signer.logged('trouble with the Workload API')).not.toEqual([]), patience);
    expect(readFileSync(signer.target, 'utf8')).toBe(before);
    give(newLeaf());
    await vi.waitFor(() => expect(signer.logged('the card is signed')).toHaveLength(2), patience);
    signer.stop();
    expect(await done).toBe(0);
  });

  test('fails for a Workload API that will never serve it, and for a port that is taken', async () => {
    const signer = signersWorld();
    const { client, server } = await fakeApi([refuse(404)]);
    expect(await start(signer, '--sidecar', `--health-probe-bind-address=${client.config.server.host}`)).toBe(1);
    expect(server.listening).toBe(true);
    expect(signer.logged('the signer gives up')).toMatchObject([{ code: 'PortNotUsable' }]);
    api.end(status.UNIMPLEMENTED);
    expect(await start(signer, ...sidecar)).toBe(1);
    expect(signer.logged('the signer gives up')).toMatchObject([{}, { code: 'WorkloadApiUnsupported' }]);
  });
});

describe('the command line', () => {
  test('help names every variable that deployments set', async () => {
    let out = '';
    const signer = signersWorld({ out: (text) => (out += text) });
    expect(await start(signer, '--help')).toBe(0);
    for (const variable of ['SPIFFE_ENDPOINT_SOCKET', 'UNSIGNED_CARD_PATH', 'AGENT_CARD_PATH', 'SIGN_TIMEOUT']) {
      expect(out).toContain(`, ${variable}\n`);
    }
    for (const variable of ['AGENT_NAME', 'POD_NAMESPACE', 'AGENTCARD_SIDECAR']) expect(out).toContain(variable);
  });

  test.each([
    [['--frobnicate'], '--frobnicate is not a known flag'],
    [['--sign-timeout=soon'], 'must be a duration of 1ms to 24h'],
    [['--card='], 'must be a path'],
    [['--configmap=required'], 'set AGENT_NAME'],
  ])('%j is wrong usage, said once', async (args, reason) => {
    const signer = signersWorld();
    expect(await start(signer, ...args)).toBe(2);
    expect(signer.lines).toMatchObject([{ code: 'WrongUsage', reason: expect.stringContaining(reason) }]);
  });

  test('an empty variable is none, and a flag beats a variable', async () => {
    const signer = signersWorld();
    give(newLeaf());
    const env = { ...signer.env, SIGN_TIMEOUT: '', AGENT_NAME: '', SPIFFE_ENDPOINT_SOCKET: 'unix:///nowhere' };
    expect(await run(['--spiffe-endpoint-socket', api.address], env, signer.world)).toBe(0);
  });
});
