import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { planTrustDomain, primary, render, spireManifest } from '../../cluster/trust-domain.ts';

const other = planTrustDomain('other.example', { svidTtl: '30s', caTtl: '2m' });

test('two trust domains on one node share no name of the cluster, no address, no folder and no port', async () => {
  for (const part of ['spire-server', 'spire-agent', 'identities'] as const) {
    const [ours, theirs] = await Promise.all([primary, other].map((plan) => spireManifest(part, plan)));
    const names = [ours, theirs].map((text) =>
      parseAllDocuments(text ?? '').map((document) => {
        const { kind, metadata } = document.toJS();
        return `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
      }),
    );
    expect(names[0]).toHaveLength(names[1]?.length ?? 0);
    expect(names[0]?.filter((name) => names[1]?.includes(name))).toEqual([]);
  }
  const { svidTtl, caTtl, ...own } = other;
  expect(Object.values(primary).filter((value) => Object.values(own).includes(value))).toEqual([]);
});

test('lifetimes reach the server', async () => {
  const server = await spireManifest('spire-server', other);
  expect(server).toContain('default_x509_svid_ttl = "30s"');
  expect(server).toContain('ca_ttl = "2m"');
});

test('a word that no trust domain has is an error, not an empty text', () => {
  expect(() => render('__colour__', primary)).toThrow('__colour__');
});
