import { createServer } from 'node:tls';
import { expect, test } from 'vitest';
import { connect } from '../../../../src/spiffe/tls/fetch.ts';
import { svid } from '../../../pki/mint.ts';
import { agentId, agentSvid, domainA, domainB, identity, listen, rootB, tlsOptions } from './peers.ts';

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
});
