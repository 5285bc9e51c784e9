import { createServer } from 'node:https';
import type { SecureVersion } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { agentId, type CertificateCase, mintPki } from '../../../pki/cases.ts';
import { identityOf, uncheckedBundle } from '../../../pki/identity.ts';
import { answer, ask, domainA, listen, tlsOptions } from './peers.ts';

const pki = mintPki();
const identity = identityOf(pki.operator, uncheckedBundle(domainA, pki.authorities));

/** A server that would present anything and take any client. */
function serve({ chain }: CertificateCase, version: SecureVersion, seen: () => void): Promise<number> {
  const options = { ...tlsOptions(chain, pki.authorities), minVersion: version, maxVersion: version };
  const server = createServer({ ...options, ciphers: 'DEFAULT@SECLEVEL=0' }, (request, response) => {
    seen();
    answer(request, response);
  });
  return listen(server);
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('over %s, as a server', (version) => {
  test.each(pki.cases.map((each) => [each.name, each.asServer, each] as const))(
    '%s must %s',
    async (_name, want, each) => {
      let requests = 0;
      const port = await serve(each, version, () => requests++);
      const outcome = await ask(port, { tls: { identity, trustDomains: [domainA] } });
      const proven = outcome.kind === 'answer' ? outcome.peer?.id.uri : undefined;
      expect(proven === agentId ? 'pass' : 'refuse').toBe(want);
      if (outcome.kind === 'answer') expect(outcome.peer?.chain[0]).toEqual(each.chain[0]?.der);
      else expect(requests, 'requests that reached a peer that was refused').toBe(0);
    },
  );
});
