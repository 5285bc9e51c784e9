import type { IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import { Gauge, type Registry } from 'prom-client';

const states = ['ready', 'waiting', 'denied', 'expired'] as const;

/** Our own SVID and the trust bundles: state, age and time left, read when scraped. */
export function registerIdentityMetrics(registry: Registry, identity: IdentitySource): void {
  const registers = [registry];
  new Gauge({
    name: 'agentcard_identity_state',
    help: "1 for the state of the operator's own identity",
    labelNames: ['state'],
    registers,
    collect() {
      const { state } = identity.health();
      for (const each of states) this.set({ state: each }, each === state ? 1 : 0);
    },
  });
  new Gauge({
    name: 'agentcard_svid_expires_in_seconds',
    help: "Until the operator's own SVID ends; absent without one",
    registers,
    collect() {
      this.reset();
      const { svid } = identity.health();
      if (svid !== undefined) this.set(svid.secondsLeft);
    },
  });
  registerBundleMetrics(registers, identity);
}

function registerBundleMetrics(registers: Registry[], identity: IdentitySource): void {
  const labelNames = ['trust_domain'] as const;
  const bundles = [
    ['agentcard_trust_bundle_age_seconds', 'Since the source last confirmed the bundle', 'ageSeconds'],
    ['agentcard_trust_bundle_expires_in_seconds', "Until the bundle's last authority ends", 'secondsLeft'],
    ['agentcard_trust_bundle_authorities', 'Authorities in the bundle', 'authorities'],
  ] as const;
  for (const [name, help, field] of bundles) {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        for (const bundle of identity.health().bundles) this.set({ trust_domain: bundle.trustDomain }, bundle[field]);
      },
    });
  }
}
