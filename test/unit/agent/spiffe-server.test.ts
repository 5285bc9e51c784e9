import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createSpiffeServer } from '../../../src/agent/spiffe-server.ts';
import type { IdentitySource } from '../../../src/spiffe/workload-api/identity.ts';
import { mintPki } from '../../pki/cases.ts';
import { FakeWorkloadApi, svidMessage } from '../../pki/fake-workload-api.ts';
import { keyPemOf, type Minted, pemOf, root, svid } from '../../pki/mint.ts';
import { followed } from './followed.ts';

const agentId = 'spiffe://a.test/ns/team1/sa/agent';
const pki = mintPki();
const [rootA, rootA2] = [root('a.test'), root('a.test')];
const rootB = root('b.test');

let api: FakeWorkloadApi;

beforeEach(async () => {
  api = new FakeWorkloadApi();
  await api.start();
});
afterEach(() => api.stop());

function say(chain: readonly Minted[], authorities: readonly Minted[], authoritiesOfB: readonly Minted[] = []): void {
  const federatedBundles =
    authoritiesOfB.length > 0 ? { 'b.test': Buffer.concat(authoritiesOfB.map(({ der }) => der)) } : {};
  api.send({ svids: [svidMessage(agentId, chain, authorities)], federatedBundles });
}

interface Serving {
  readonly port: number;
  readonly refusals: string[];
  readonly requests: () => number;
  readonly identity: IdentitySource;
}

async function serve(): Promise<Serving> {
  const identity = await followed(api);
  const refusals: string[] = [];
  let requests = 0;
  const handler: RequestListener = ({ url }, response) => {
    requests++;
    if (url === '/endless') response.write('ok');
    else response.end('ok');
  };
  const server = createSpiffeServer({ identity, handler, onRefused: ({ code }) => refusals.push(code) });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, refusals, requests: () => requests, identity };
}

interface Dialled {
  readonly verdict: 'pass' | 'refuse';
  readonly serverCertificate: Buffer | undefined;
}

/** A client that takes any server and presents anything; it passes when its request is answered. */
function dial(port: number, chain: readonly Minted[], options: object = {}): Promise<Dialled> {
  const [leaf] = chain;
  const own = leaf ? { cert: pemOf(...chain), key: keyPemOf(leaf) } : {};
  return new Promise((resolve) => {
    let serverCertificate: Buffer | undefined;
    const socket: TLSSocket = connect(
      {
        host: '127.0.0.1',
        port,
        servername: '',
        ...own,
        rejectUnauthorized: false,
        ciphers: 'DEFAULT@SECLEVEL=0',
        ...options,
      },
      () => {
        serverCertificate = socket.getPeerX509Certificate()?.raw;
        socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
      },
    );
    const settle = (verdict: 'pass' | 'refuse'): void => {
      socket.destroy();
      resolve({ verdict, serverCertificate });
    };
    socket.on('data', () => settle('pass'));
    socket.on('error', () => settle('refuse'));
    socket.on('close', () => settle('refuse'));
  });
}

/** What the table says of a client, but for IDs: a server asks for no particular one, and a bundle holds only real authorities. */
const anyIdWillDo: readonly string[] = ['victim', 'id-2048'];
const authorities = pki.authorities.slice(0, 4);

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s, as a client of the agent', (version) => {
  test('each certificate case gets its verdict, and no refused one reaches the handler', async () => {
    say([svid(pki.authorities[0] ?? rootA, agentId)], authorities);
    const { port, requests } = await serve();
    const verdicts: Record<string, string> = {};
    const wanted: Record<string, string> = {};
    for (const { name, chain, asClient } of pki.cases) {
      wanted[name] = anyIdWillDo.includes(name) ? 'pass' : name === 'root-nobc' ? 'refuse' : asClient;
      const before = requests();
      verdicts[name] = (await dial(port, chain, { minVersion: version, maxVersion: version })).verdict;
      expect(requests() - before, name).toBe(verdicts[name] === 'pass' ? 1 : 0);
    }
    expect(verdicts).toEqual(wanted);
  }, 30_000);
});

describe('an agent of two trust domains', () => {
  test('takes clients of both, and no client that one vouches for in the name of the other', async () => {
    say([svid(rootA, agentId)], [rootA], [rootB]);
    const { port, refusals, requests } = await serve();
    expect((await dial(port, [svid(rootA, 'spiffe://a.test/x')])).verdict).toBe('pass');
    expect((await dial(port, [svid(rootB, 'spiffe://b.test/x')])).verdict).toBe('pass');
    expect((await dial(port, [svid(rootB, 'spiffe://a.test/x')])).verdict).toBe('refuse');
    expect((await dial(port, [svid(rootA, 'spiffe://b.test/x')])).verdict).toBe('refuse');
    expect((await dial(port, [svid(rootB, 'spiffe://c.test/x')])).verdict).toBe('refuse');
    expect(refusals).toEqual(['PathNotFound', 'PathNotFound', 'BundleMissing']);
    expect(requests()).toBe(2);
  });

  test('takes nobody without a certificate from one of its authorities, not even through the handshake', async () => {
    say([svid(rootA, agentId)], [rootA]);
    const { port, requests, refusals } = await serve();
    expect((await dial(port, [])).verdict).toBe('refuse');
    expect((await dial(port, [svid(rootB, 'spiffe://b.test/x')])).verdict).toBe('refuse');
    expect([requests(), refusals]).toEqual([0, []]);
  });
});

describe('an agent that is spoken to by TLS 1.2', () => {
  const client = [svid(rootA, 'spiffe://a.test/x')];

  test.each([
    ['ECDHE-ECDSA-AES256-GCM-SHA384', 'pass'],
    ['ECDHE-ECDSA-CHACHA20-POLY1305', 'pass'],
    ['ECDHE-ECDSA-AES256-SHA384', 'refuse'],
    ['ECDHE-ECDSA-AES128-SHA', 'refuse'],
  ])('with %s must %s', async (ciphers, verdict) => {
    say([svid(rootA, agentId)], [rootA]);
    const { port } = await serve();
    expect((await dial(port, client, { maxVersion: 'TLSv1.2', ciphers })).verdict).toBe(verdict);
  });

  test('negotiates nothing anew', async () => {
    say([svid(rootA, agentId)], [rootA]);
    const { port } = await serve();
    const [cert, key] = [pemOf(...client), client.map(keyPemOf).join()];
    const options = { host: '127.0.0.1', port, servername: '', cert, key, ca: pemOf(rootA) };
    const socket = connect({ ...options, maxVersion: 'TLSv1.2', checkServerIdentity: () => undefined });
    onTestFinished(() => void socket.destroy());
    await once(socket, 'secureConnect');
    const anew = new Promise<string>((resolve) => {
      socket.on('error', ({ message }) => resolve(message));
      socket.renegotiate({}, (error) => resolve(error?.message ?? 'negotiated'));
    });
    expect(await anew).toContain('no renegotiation');
  });
});

describe('an agent whose identity changes', () => {
  const client = [svid(rootA, 'spiffe://a.test/x')];

  test('serves its new SVID from the next handshake on', async () => {
    const [old, renewed] = [svid(rootA, agentId), svid(rootA, agentId)];
    say([old], [rootA]);
    const { port, identity } = await serve();
    expect((await dial(port, client)).serverCertificate).toEqual(old.der);
    const { epoch } = identity.current();
    say([renewed], [rootA]);
    await expect.poll(() => identity.current().epoch).toBeGreaterThan(epoch);
    expect((await dial(port, client)).serverCertificate).toEqual(renewed.der);
  });

  test('drops every connection when an authority goes, and its clients with it', async () => {
    say([svid(rootA2, agentId)], [rootA, rootA2]);
    const { port, identity } = await serve();
    const [leaf] = client;
    if (leaf === undefined) throw new Error('no client');
    const open = connect({
      host: '127.0.0.1',
      port,
      servername: '',
      cert: pemOf(leaf),
      key: keyPemOf(leaf),
      rejectUnauthorized: false,
    });
    // An answer is still under way, so the connection is not idle.
    const closed = new Promise((resolve) => open.on('close', resolve).on('error', () => undefined));
    await new Promise((resolve) => {
      open.once('data', resolve).write('GET /endless HTTP/1.1\r\nhost: x\r\n\r\n');
    });
    const { bundleEpoch } = identity.current();
    say([svid(rootA2, agentId)], [rootA2]);
    await expect.poll(() => identity.current().bundleEpoch).toBeGreaterThan(bundleEpoch);
    await closed;
    expect((await dial(port, client)).verdict).toBe('refuse');
  });

  test('serves nobody once it is denied, and again when it has an identity', async () => {
    say([svid(rootA, agentId)], [rootA]);
    const { port, identity } = await serve();
    api.end(7);
    await expect.poll(() => identity.current().state).toBe('denied');
    expect((await dial(port, client)).verdict).toBe('refuse');
    say([svid(rootA, agentId)], [rootA]);
    await expect.poll(() => identity.current().state, { timeout: 5_000 }).toBe('ready');
    expect((await dial(port, client)).verdict).toBe('pass');
  });

  test('offers no session to resume', async () => {
    say([svid(rootA, agentId)], [rootA]);
    const { port } = await serve();
    const [leaf] = client;
    if (leaf === undefined) throw new Error('no client');
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const options = { host: '127.0.0.1', port, servername: '', cert: pemOf(leaf), key: keyPemOf(leaf) };
      const tls = { rejectUnauthorized: false, minVersion: version, maxVersion: version };
      const socket = connect({ ...options, ...tls });
      const sessions: Buffer[] = [];
      socket.on('session', (session) => sessions.push(session));
      await new Promise((resolve) => {
        socket.once('data', resolve).write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
      });
      socket.destroy();
      const again = connect({ ...options, ...tls, ...(sessions[0] && { session: sessions[0] }) });
      await new Promise((resolve) => {
        again.once('secureConnect', resolve);
      });
      expect(again.isSessionReused()).toBe(false);
      again.destroy();
    }
  });
});
