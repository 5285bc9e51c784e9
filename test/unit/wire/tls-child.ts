/** Makes one TLS connection by one of our clients and prints what came of it, in a process of its own that may end by it. */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readCard } from '../../../src/cli/card/input.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import type { TrustDomain } from '../../../src/spiffe/id.ts';
import { fetch } from '../../../src/spiffe/tls/fetch.ts';

const { client, port, chainPem, keyPem, pems } = JSON.parse(readFileSync(0, 'utf8'));
const trustDomain = 'a.test' as TrustDomain;

const clients: Record<string, () => Promise<unknown>> = {
  'the dial of an agent': async () => {
    const authorities = pems.map((pem: string) => new X509Certificate(pem).raw);
    // As it is, also with authorities that would be left out.
    const bundle = { trustDomain, authorities, pems, digest: '' };
    const svid = { chainPem, keyPem };
    const bundles = new Map([[trustDomain, bundle]]);
    const outcome = await fetch({
      address: '127.0.0.1',
      family: 4,
      port,
      path: '/',
      hostHeader: 'agent',
      limits: { maxBytes: 1024, timeoutMs: 30_000, maxHeaderBytes: 8192 },
      signal: new AbortController().signal,
      tls: { identity: { svid, bundles }, trustDomains: [trustDomain] },
    });
    return outcome.kind === 'answer' ? outcome.peer?.id.uri : outcome.code;
  },
  'a call to the API server': async () => {
    const server = new URL(`https://127.0.0.1:${port}`);
    const tls = () => ({ ca: pems, cert: chainPem, key: keyPem });
    const transport = new Transport({ server, headers: () => ({}), tls, invalidate: () => undefined }, 'test');
    return (await transport.send({ method: 'GET', path: '/' })).status;
  },
  'the download of a card': async () => {
    const card = await readCard(`https://127.0.0.1:${port}/`, { stdin: () => process.stdin } as never);
    return card.ok ? 'a card' : card.error.code;
  },
};

console.log(JSON.stringify(await clients[client]?.()));
process.exit(0);
