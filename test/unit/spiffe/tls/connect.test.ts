import { createServer } from 'node:tls';
import { expect, test, vi } from 'vitest';
import { connect } from '../../../../src/spiffe/tls/fetch.ts';
import { verifyPeer } from '../../../../src/spiffe/x509/path.ts';
import { svid } from '../../../pki/mint.ts';
import { agentId, agentSvid, domainA, domainB, identity, listen, rootA, rootB, tlsOptions } from './peers.ts';

vi.mock('../../../../src/spiffe/x509/path.ts', { spy: true });

const never = new AbortController().signal;
const to = (port: number) => ({ address: '127.0.0.1', port, family: 4 }) as const;
const ours = { identity, trustDomains: [domainA] };

const echo = (leaf = agentSvid) => listen(createServer(tlsOptions([leaf]), (socket) => socket.pipe(socket)));

test('a connection is open, its peer is proven, and it carries what both sides write', async () => {
  const connection = await connect(to(await echo()), ours, never);
  if ('kind' in connection) throw new Error(connection.message);
  const { socket, peer } = connection;
  expect(peer.id.uri).toBe(agentId);
  socket.write('hello');
  for await (const bytes of socket) {
    expect(String(bytes)).toBe('hello');
    break;
  }
  expect(socket.destroyed).toBe(true);
});

test('of many connections at once each hears what is its own, all of it and in order', async () => {
  const port = await echo();
  const heard = await Promise.all(
    Array.from({ length: 16 }, async (_, index) => {
      const connection = await connect(to(port), ours, never);
      if ('kind' in connection) throw new Error(connection.message);
      const sent = Buffer.from(`${index} `.repeat(100_000));
      connection.socket.end(sent);
      const pieces: Buffer[] = [];
      for await (const piece of connection.socket) pieces.push(piece);
      return Buffer.concat(pieces).equals(sent);
    }),
  );
  expect(heard).toEqual(Array(16).fill(true));
});

test('without proof there is no connection', async () => {
  const port = await echo(svid(rootB, 'spiffe://b.test/other'));
  expect(await connect(to(port), ours, never)).toMatchObject({ kind: 'failed', code: 'TrustDomainMismatch' });
  expect(await connect(to(port), { identity, trustDomains: [domainB] }, never)).toMatchObject({ code: 'NoBundle' });
  expect(await connect(to(port), ours, AbortSignal.abort())).toMatchObject({ code: 'Aborted' });
});

test('a name is no address: nobody is asked where it leads', async () => {
  const named = { ...to(await echo()), address: 'localhost' };
  expect(await connect(named, ours, never)).toMatchObject({ code: 'RequestInvalid' });
  expect(await connect({ ...to(1), family: 6 }, ours, never)).toMatchObject({ code: 'RequestInvalid' });
  expect(await connect(to(70_000), ours, never)).toMatchObject({ code: 'RequestInvalid' });
});

test.each([
  ['by OpenSSL, which asks nobody then', svid(rootA, agentId, { to: Date.now() - 1_000 }), 'PeerCertificateExpired'],
  ['by us alone', svid(rootA, 'spiffe://a.test'), 'PeerCertificateInvalid'],
])('a chain that is refused %s is judged by us once', async (_, leaf, code) => {
  vi.mocked(verifyPeer).mockClear();
  expect(await connect(to(await echo(leaf)), ours, never)).toMatchObject({ code });
  expect(verifyPeer).toHaveBeenCalledTimes(1);
});
