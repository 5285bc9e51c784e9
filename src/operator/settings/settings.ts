import type { Config } from './config.ts';

/** What the pure steps need of the configuration. */
export interface Settings extends Pick<Config, Read> {
  /** Mutual TLS with agents is on. */
  readonly mtls: boolean;
  /** Card signatures are verified. */
  readonly signature: boolean;
}

type Read =
  | ('agentTlsPortName' | 'require' | 'trustDomain' | 'spiffeIdTemplate' | 'strictBinding' | 'floorAllowedIds')
  | ('cardPaths' | 'evidenceTtl' | 'enforcement' | 'dnsCidr' | 'ingressAllow' | 'egressAllow' | 'namespaces');

export function settingsFrom(config: Config): Settings {
  return { ...config, mtls: config.enableVerifiedFetch, signature: config.enableSignatureVerification };
}
