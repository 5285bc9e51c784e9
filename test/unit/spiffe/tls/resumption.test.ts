import { createServer } from 'node:https';
import { connect, type SecureVersion, type TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { provePeer } from '../../../../src/spiffe/tls/connect.ts';
import { leafIdentity } from '../../../../src/spiffe/x509/leaf.ts';
import { pemOf, root } from '../../../pki/mint.ts';
import { agentSvid, answer, askTls, identity, listen, rootA, tlsOptions } from './peers.ts';

const leaf = leafIdentity(agentSvid.der);
const peer = leaf.ok ? { ...leaf.value, chain: [agentSvid.der] } : undefined;
const own = { cert: identity.svid?.chainPem, key: identity.svid?.keyPem };

function open(port: number, options: object): Promise<{ socket: TLSSocket; sessions: Buffer[] }> {
  return new Promise((resolve, reject) => {
    const sessions: Buffer[] = [];
    const socket = connect({ host: '127.0.0.1', port, servername: '', ...own, ...options }, () =>
      resolve({ socket, sessions }),
    );
    socket.on('session', (session) => sessions.push(session));
    socket.on('error', reject);
    onTestFinished(() => {
      socket.destroy();
    });
  });
}

describe.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('over %s', (version) => {
  const server = () => createServer({ ...tlsOptions([agentSvid]), minVersion: version, maxVersion: version }, answer);

  test('a resumed session fails closed, though Node calls it authorized', async () => {
    const port = await listen(server());
    const checkServerIdentity = vi.fn();
    const first = await open(port, { ca: pemOf(rootA), checkServerIdentity });
    first.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await expect.poll(() => first.sessions).not.toEqual([]);
    const session = first.sessions.at(-1);
    const calls = checkServerIdentity.mock.calls.length;
    const { socket: resumed } = await open(port, { ca: pemOf(root('other.test')), checkServerIdentity, session });
    expect([resumed.isSessionReused(), resumed.authorized]).toEqual([true, true]);
    expect(checkServerIdentity.mock.calls.length).toBe(calls);
    expect(provePeer(resumed, peer)).toMatchObject({ code: 'SessionResumed', guilt: 'none' });
    expect(provePeer(resumed, undefined)).toMatchObject({ code: 'SessionResumed' });
  });

  test('a handshake that is not a full, authorized one proves nothing, whatever else Node says', async () => {
    const { socket } = await open(await listen(server()), { ca: pemOf(rootA), checkServerIdentity: () => undefined });
    expect(provePeer(socket, peer)).toBe(peer);
    expect(provePeer(socket, undefined)).toMatchObject({ code: 'SessionResumed' });
    socket.authorized = false;
    expect(provePeer(socket, peer)).toMatchObject({ code: 'SessionResumed' });
    socket.authorized = true;
    vi.spyOn(socket, 'isSessionReused').mockReturnValue(true);
    expect(provePeer(socket, peer)).toMatchObject({ code: 'SessionResumed' });
  });

  test('every request makes a handshake of its own', async () => {
    const https = server();
    const reused: boolean[] = [];
    https.on('secureConnection', (socket: TLSSocket) => reused.push(socket.isSessionReused()));
    const port = await listen(https);
    for (let request = 0; request < 4; request++) expect(await askTls(port)).toMatchObject({ kind: 'answer' });
    expect(reused).toEqual([false, false, false, false]);
  });
});
