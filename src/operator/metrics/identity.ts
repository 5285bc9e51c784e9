import type { IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import type { Registry } from 'prom-client';
import { scraped } from './scraped.ts';

const states = ['ready', 'waiting', 'denied', 'expired'] as const;
const bundles = [
  ['agentcard_trust_bundle_age_seconds', 'Since the source last confirmed the bundle', 'ageSeconds'],
  ['agentcard_trust_bundle_expires_in_seconds', "Until the bundle's last authority ends", 'secondsLeft'],
  ['agentcard_trust_bundle_authorities', 'Authorities in the bundle', 'authorities'],
  [
    'agentcard_trust_bundle_skipped',
    'Certificates of the bundle that are no authorities; the log names them',
    'skipped',
  ],
] as const;

/** Our own SVID and the trust bundles: state, age and time left, read when scraped. */
export function registerIdentityMetrics(registry: Registry, identity: IdentitySource): void {
  const gauge = scraped(registry);
  gauge('agentcard_identity_state', "1 for the state of the operator's own identity", ['state'], (byState) => {
    const now = identity.health().state;
    for (const state of states) byState.set({ state }, state === now ? 1 : 0);
  });
  gauge('agentcard_svid_expires_in_seconds', "Until the operator's own SVID ends; absent without one", [], (left) => {
    const { svid } = identity.health();
    if (svid !== undefined) left.set(svid.secondsLeft);
  });
  for (const [name, help, field] of bundles) {
    gauge(name, help, ['trust_domain'], (byDomain) => {
      for (const bundle of identity.health().bundles) byDomain.set({ trust_domain: bundle.trustDomain }, bundle[field]);
    });
  }
}
