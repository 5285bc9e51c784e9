import type { PolicyPeers } from '../network/policy.ts';
import type { Config } from './config.ts';

/** What the pure steps need of the configuration. */
export interface Settings {
  /** Mutual TLS with agents is on. */
  readonly mtls: boolean;
  /** The Service port that mutual TLS is spoken on. */
  readonly agentTlsPortName: string;
  /** Card signatures are verified. */
  readonly signature: boolean;
  /** What must pass; when empty, one of the mechanisms that are on must. */
  readonly require: readonly ('mtls' | 'signature')[];
  readonly trustDomain: string;
  readonly spiffeIdTemplate: string;
  readonly strictBinding: 'true' | 'false' | 'floor';
  readonly evidenceTtlMs: number;
  /** For cards whose own period cannot be read. */
  readonly syncPeriodMs: number;
  /** Parts of every NetworkPolicy that flags decide. */
  readonly policy: Pick<PolicyPeers, 'dnsCidrs' | 'ingressAllow' | 'egressAllow' | 'callerNamespaces'>;
  readonly enforcement: 'off' | 'audit' | 'enforce';
}

/** For cards whose own sync period cannot be read: the default of the kind. */
const syncPeriodMs = 300_000;

export function settingsFrom(config: Config): Settings {
  return {
    mtls: config.enableVerifiedFetch,
    agentTlsPortName: config.agentTlsPortName,
    signature: config.enableSignatureVerification,
    require: config.require,
    trustDomain: config.trustDomain,
    spiffeIdTemplate: config.spiffeIdTemplate,
    strictBinding: config.strictBinding,
    evidenceTtlMs: config.evidenceTtl,
    syncPeriodMs,
    policy: {
      dnsCidrs: config.dnsCidr,
      ingressAllow: config.ingressAllow,
      egressAllow: config.egressAllow,
      callerNamespaces: config.namespaces.length === 0 ? undefined : config.namespaces,
    },
    enforcement: config.enforcement,
  };
}
