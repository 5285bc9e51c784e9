import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runTestAgent } from '../../../src/agent/test-tls-agent.ts';
import type { TrustDomain } from '../../../src/spiffe/id.ts';
import { fetch as fetchProven } from '../../../src/spiffe/tls/fetch.ts';
import { FakeWorkloadApi, svidMessage } from '../../pki/fake-workload-api.ts';
import { identityOf } from '../../pki/identity.ts';
import { bundle, root, svid } from '../../pki/mint.ts';

const agentId = 'spiffe://a.test/ns/team1/sa/agent';
const rootA = root('a.test');
const trustDomain = 'a.test' as TrustDomain;
const tls = {
  identity: identityOf([svid(rootA, 'spiffe://a.test/ns/sys/sa/operator')], bundle('a.test', rootA)),
  trustDomains: [trustDomain],
};

interface Agent {
  readonly lines: string[];
  readonly stop: () => Promise<void>;
  /** Waits for a port that the log names. */
  readonly port: (transport: 'http' | 'tls') => Promise<number>;
}

function start(env: Record<string, string>): Agent {
  const lines: string[] = [];
  const stopping = new AbortController();
  const running = runTestAgent({ HTTP_PORT: '0', TLS_PORT: '0', ...env }, (line) => lines.push(line), stopping.signal);
  const stop = (): Promise<void> => {
    stopping.abort();
    return running;
  };
  onTestFinished(stop);
  const port = async (transport: string): Promise<number> => {
    const find = (): number => Number(lines.join('\n').match(new RegExp(`${transport} listens on (\\d+)`))?.[1] ?? 0);
    await expect.poll(find, { timeout: 5_000 }).toBeGreaterThan(0);
    return find();
  };
  return { lines, stop, port };
}

async function workloads(): Promise<FakeWorkloadApi> {
  const api = new FakeWorkloadApi();
  await api.start();
  onTestFinished(() => api.stop());
  return api;
}

const ask = (port: number, path = '/.well-known/agent-card.json', more: object = {}) =>
  fetchProven({
    address: '127.0.0.1',
    family: 4,
    port,
    path,
    hostHeader: 'agent',
    limits: { maxBytes: 1024 * 1024, timeoutMs: 5_000, maxHeaderBytes: 16 * 1024 },
    signal: new AbortController().signal,
    ...more,
  });

describe('the test agent', () => {
  test('serves HTTP at once, and TLS when its SVID arrives', async () => {
    const api = await workloads();
    const agent = start({ SPIFFE_ENDPOINT_SOCKET: api.address, AGENT_NAME: 'weather', POD_NAMESPACE: 'team1' });
    const plain = await ask(await agent.port('http'));
    if (plain.kind !== 'answer') throw new Error(plain.message);
    expect(JSON.parse(plain.body.toString())).toMatchObject({
      name: 'weather',
      supportedInterfaces: [{ url: 'http://weather.team1.svc:0/', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    });
    expect(agent.lines.join()).not.toContain('tls listens');
    api.send({ svids: [svidMessage(agentId, [svid(rootA, agentId)], [rootA])] });
    const proven = await ask(await agent.port('tls'), undefined, { tls });
    expect(proven).toMatchObject({ kind: 'answer', status: 200, peer: { id: { uri: agentId } } });
    if (proven.kind === 'answer') expect(proven.body).toEqual(plain.body);
    await agent.stop();
  });

  test('answers its health and nothing else', async () => {
    const port = await start({}).port('http');
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200 });
    expect(await ask(port, '/')).toMatchObject({ status: 404 });
    const post = await fetch(`http://127.0.0.1:${port}/healthz`, { method: 'POST' });
    expect(post.status).toBe(405);
  });

  test('reads its card file again for each request, and says when it cannot', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'card-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const cardPath = join(folder, 'card.json');
    const port = await start({ AGENT_CARD_PATH: cardPath }).port('http');
    expect(await ask(port)).toMatchObject({ status: 503 });
    writeFileSync(cardPath, '{"name":"one"}');
    expect(await ask(port)).toMatchObject({ status: 200, body: Buffer.from('{"name":"one"}') });
    writeFileSync(cardPath, '{"name":"two"}');
    expect(await ask(port)).toMatchObject({ body: Buffer.from('{"name":"two"}') });
  });

  test('stops while it still waits for an identity', async () => {
    const agent = start({ SPIFFE_ENDPOINT_SOCKET: 'unix:///nowhere/agent.sock' });
    await agent.port('http');
    await agent.stop();
  });

  test('fails on a port that is none or taken, with an identity or without', async () => {
    const never = new AbortController().signal;
    const invalid = runTestAgent({ TLS_PORT: 'x' }, () => undefined, never);
    await expect(invalid).rejects.toThrow('TLS_PORT must be a port number');
    const api = await workloads();
    api.send({ svids: [svidMessage(agentId, [svid(rootA, agentId)], [rootA])] });
    const taken = await start({}).port('http');
    const failing = runTestAgent(
      { HTTP_PORT: '0', TLS_PORT: String(taken), SPIFFE_ENDPOINT_SOCKET: api.address },
      () => undefined,
      never,
    );
    await expect(failing).rejects.toThrow('EADDRINUSE');
  });
});

describe('the command test-tls-agent', () => {
  const command = join(import.meta.dirname, '../../../src/agent/test-tls-agent.ts');

  test('explains itself', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [command, '--help']);
    expect(stdout).toContain('SPIFFE_ENDPOINT_SOCKET');
    await expect(promisify(execFile)(process.execPath, [command, '--nonsense'])).rejects.toMatchObject({ code: 2 });
  });

  test('ends cleanly on SIGTERM', async () => {
    const child = spawn(process.execPath, [command], { env: { HTTP_PORT: '0', TLS_PORT: '0' }, stdio: 'pipe' });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    await once(child.stderr, 'data');
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
