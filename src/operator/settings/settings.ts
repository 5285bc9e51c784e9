import type { PolicyPeers } from '../network/policy.ts';
import type { Config } from './config.ts';

/** What the pure steps need of the configuration. */
export interface Settings extends Pick<Config, AsGiven> {
  /** Mutual TLS with agents is on. */
  readonly mtls: boolean;
  /** Card signatures are verified. */
  readonly signature: boolean;
  readonly evidenceTtlMs: number;
  /** For cards whose own period cannot be read. */
  readonly syncPeriodMs: number;
  /** Parts of every NetworkPolicy that flags decide. */
  readonly policy: Pick<PolicyPeers, 'dnsCidrs' | 'ingressAllow' | 'egressAllow' | 'callerNamespaces'>;
}

/** As the flags say it. */
type AsGiven = 'agentTlsPortName' | 'require' | 'trustDomain' | 'spiffeIdTemplate' | 'strictBinding' | 'enforcement';

/** For cards whose own sync period cannot be read: the default of the kind. */
const syncPeriodMs = 300_000;

export function settingsFrom(config: Config): Settings {
  const { agentTlsPortName, require, trustDomain, spiffeIdTemplate, strictBinding, enforcement } = config;
  return {
    ...{ agentTlsPortName, require, trustDomain, spiffeIdTemplate, strictBinding, enforcement },
    mtls: config.enableVerifiedFetch,
    signature: config.enableSignatureVerification,
    evidenceTtlMs: config.evidenceTtl,
    syncPeriodMs,
    policy: {
      dnsCidrs: config.dnsCidr,
      ingressAllow: config.ingressAllow,
      egressAllow: config.egressAllow,
      callerNamespaces: config.namespaces.length === 0 ? undefined : config.namespaces,
    },
  };
}
