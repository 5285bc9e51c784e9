import type { KubeClient } from '@agentcard-operator/kube';
import type { Key, Pod } from '@agentcard-operator/kube/objects';
import type { Logger } from '@agentcard-operator/kube/runtime';
import { type FetchOutcome, getCard } from '@agentcard-operator/spiffe/tls';
import type { IdentitySnapshot } from '@agentcard-operator/spiffe/workload-api';
import type { Config } from '../../settings/config.ts';
import type { Workload } from '../../workload/workload.ts';
import type { Ask } from '../agenda.ts';
import type { Finding, ReceivedCard } from '../evidence.ts';
import { receiveKnown } from '../known-cards.ts';
import type { SignatureRules } from '../receive.ts';
import { Dialler, type DiallerEdges } from './dialler.ts';
import { podReader } from './pod-reader.ts';

export interface DiallerParts extends Pick<DiallerEdges, 'now' | 'onVoid'> {
  readonly config: Config;
  readonly client: KubeClient;
  readonly log: Logger;
  readonly identity: () => IdentitySnapshot;
  readonly signatures: () => SignatureRules | undefined;
  readonly labelledPod: (key: Key) => Pod | undefined;
  /** What the pod's last answer brought. */
  readonly knownCard: (ask: Ask) => ReceivedCard | undefined;
  /** Another text for another AgentCard object, or another spec of it. */
  readonly cardVersion: (key: Key) => string;
  readonly signedCard: (workload: Workload) => Promise<Uint8Array | undefined>;
  /** For metrics. */
  readonly learned: (ask: Ask, finding: Finding, seconds: number) => void;
  readonly onFinding: (ask: Ask, finding: Finding) => void;
  /** Nothing was learned: try again after a while. */
  readonly onNothing: (ask: Ask) => void;
}

const maxBytes = 1 << 20;
const maxHeaderBytes = 16 * 1024;

/** The dialler on its real edges: pods and ConfigMaps from the API server, cards from agents. */
export function createDialler(parts: DiallerParts): Dialler {
  const { config, client, log, now } = parts;
  return new Dialler(
    {
      now,
      pods: podReader(client, (namespace, name) => parts.labelledPod(`${namespace}/${name}`)),
      get: (ask, path, signal) => get(parts, ask, path, signal),
      standsOn: ({ card }) => `${parts.identity().bundleEpoch} ${parts.cardVersion(card)}`,
      signedCard: (ask) => parts.signedCard(ask.workload),
      receive: (ask, source, body) =>
        receiveKnown(body, parts.knownCard(ask), {
          source,
          signatures: parts.signatures(),
          seen: ask.seen,
          now: now(),
        }),
      onFinding: (ask, finding, seconds) => {
        parts.learned(ask, finding, seconds);
        log.debug('an agent was asked', { key: ask.card, pod: ask.endpoint.podName, finding: finding.kind });
        parts.onFinding(ask, finding);
      },
      onNothing: (ask, error) => {
        if (error !== undefined)
          log.warn('a pod could not be read', { key: ask.card, pod: ask.endpoint.podName, error });
        parts.onNothing(ask);
      },
      onVoid: parts.onVoid,
    },
    { concurrency: config.fetchConcurrency },
  );
}

function get(parts: DiallerParts, ask: Ask, path: string, signal: AbortSignal): Promise<FetchOutcome> {
  const { address, port, family } = ask.endpoint;
  return getCard({
    address,
    port,
    family: family === 'IPv6' ? 6 : 4,
    path,
    hostHeader: ask.hostHeader,
    limits: { maxBytes, maxHeaderBytes, timeoutMs: parts.config.fetchTimeout },
    ...(ask.transport === 'mtls' ? { tls: { identity: parts.identity(), trustDomains: ask.trustDomains } } : {}),
    signal,
  });
}
