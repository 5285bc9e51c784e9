/** Asks two ports in an environment that the test chose, and prints what came of it. */

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TrustDomain } from '../../../../src/spiffe/id.ts';
import { fetch } from '../../../../src/spiffe/tls/fetch.ts';
import type { X509Svid } from '../../../../src/spiffe/x509/svid.ts';

const { ports, httpPort, chainPem, keyPem, ca } = JSON.parse(readFileSync(0, 'utf8'));
const trustDomain = 'a.test' as TrustDomain;
const bundle = { trustDomain, authorities: [new X509Certificate(ca).raw], pems: [ca], digest: '' };
const svid = { chainPem, keyPem } as unknown as X509Svid;
const tls = {
  identity: { epoch: 1, bundleEpoch: 1, state: 'ready' as const, svid, bundles: new Map([[trustDomain, bundle]]) },
  trustDomains: [trustDomain],
};
const request = {
  address: '127.0.0.1',
  family: 4 as const,
  path: '/',
  hostHeader: 'agent',
  limits: { maxBytes: 1024, timeoutMs: 5_000, maxHeaderBytes: 8192 },
  signal: new AbortController().signal,
};
const results: string[] = [];
for (const port of ports) {
  const outcome = await fetch({ ...request, port, tls });
  results.push(outcome.kind === 'answer' ? 'answer' : outcome.code);
}
const plain = await fetch({ ...request, port: httpPort });
console.log(JSON.stringify([...results, plain.kind]));
