/** Shows one of our ends of TLS one chain after the other, and says what came of each, in a process that may end by it. */

import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:tls';
import { createSpiffeServer } from '../../../src/agent/spiffe-server.ts';
import { readCard } from '../../../src/cli/card/input.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import type { TrustDomain } from '../../../src/spiffe/id.ts';
import { fetch } from '../../../src/spiffe/tls/fetch.ts';
import type { IdentitySource } from '../../../src/spiffe/workload-api/identity.ts';
import type { X509Svid } from '../../../src/spiffe/x509/svid.ts';

/** In PEM. The chain is the peer's, and `pems` are what it is held against. */
export interface Shown {
  readonly label: string;
  readonly chainPem: string;
  readonly keyPem: string;
  readonly pems: readonly string[];
}

export interface Job {
  readonly end: string;
  readonly own: Pick<Shown, 'chainPem' | 'keyPem'>;
  readonly shown: readonly Shown[];
}

const { end, own, shown }: Job = JSON.parse(readFileSync(0, 'utf8'));
const trustDomain = 'a.test' as TrustDomain;

/** The peer shows what it likes. */
const lax = { ciphers: 'DEFAULT@SECLEVEL=0' };

const snapshotOf = (pems: readonly string[]) => {
  // As they are, also those that would be left out.
  const authorities = pems.map((pem) => new X509Certificate(pem).raw);
  const bundles = new Map([[trustDomain, { trustDomain, authorities, pems, digest: '' }]]);
  return { epoch: 1, bundleEpoch: 1, state: 'ready' as const, svid: own as X509Svid, bundles };
};

const ends: Record<string, (peer: Shown) => Promise<unknown>> = {
  'the dial of an agent': (peer) =>
    served(peer, async (port) => {
      const outcome = await fetch({
        address: '127.0.0.1',
        family: 4,
        port,
        path: '/',
        hostHeader: 'agent',
        limits: { maxBytes: 1024, timeoutMs: 30_000, maxHeaderBytes: 8192 },
        signal: new AbortController().signal,
        tls: { identity: snapshotOf(peer.pems), trustDomains: [trustDomain] },
      });
      return outcome.kind === 'answer' ? outcome.peer?.id.uri : outcome.code;
    }),
  'a call to the API server': (peer) =>
    served(peer, async (port) => {
      const server = new URL(`https://127.0.0.1:${port}`);
      const tls = () => ({ ca: peer.pems.join(''), cert: own.chainPem, key: own.keyPem });
      const transport = new Transport({ server, headers: () => ({}), tls, invalidate: () => undefined }, 'test');
      const { status } = await transport.send({ method: 'GET', path: '/' });
      transport.close();
      return status;
    }),
  'the download of a card': (peer) =>
    served(peer, async (port) => {
      const card = await readCard(`https://127.0.0.1:${port}/`, { stdin: () => process.stdin } as never);
      return card.ok ? 'a card' : card.error.code;
    }),
  'the server of an agent': async ({ chainPem, keyPem, pems }) => {
    const identity = { current: () => snapshotOf(pems), onChange: () => () => undefined } as unknown as IdentitySource;
    const server = createSpiffeServer({ identity, handler: (_, response) => response.end('{}') });
    const port = await listening(server);
    const socket = connect({ ...lax, host: '127.0.0.1', port, cert: chainPem, key: keyPem, rejectUnauthorized: false });
    socket.on('error', () => undefined).end('GET / HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n\r\n');
    let answer = '';
    socket.on('data', (bytes) => {
      answer += bytes;
    });
    await once(socket, 'close');
    server.close();
    return answer === '' ? 'no answer' : Number(answer.split(' ')[1]);
  },
};

async function listening(server: ReturnType<typeof createServer>): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function served({ chainPem, keyPem }: Shown, ask: (port: number) => Promise<unknown>): Promise<unknown> {
  const server = createServer({ ...lax, cert: chainPem, key: keyPem }, (_, response) => response.end('{}'));
  const port = await listening(server);
  try {
    return await ask(port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

for (const peer of shown) {
  const came = await ends[end]?.(peer).catch((error: Error) => `refused: ${error.message}`);
  console.log(JSON.stringify([peer.label, came]));
}
process.exit(0);
