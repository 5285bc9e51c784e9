import type { KubeClient } from '@agentcard-operator/kube';
import type { Key, Pod } from '@agentcard-operator/kube/objects';
import type { FetchOutcome } from '@agentcard-operator/spiffe/tls';
import type { IdentitySnapshot } from '@agentcard-operator/spiffe/workload-api';
import type { Config } from '../../settings/config.ts';
import type { ReplicaSets } from '../../watch/replica-sets.ts';
import type { Workload } from '../../workload/workload.ts';
import type { Ask } from '../agenda.ts';
import type { Asking } from '../asking/asker.ts';
import type { ReceivedCard } from '../evidence.ts';
import { receiveKnown } from '../known-cards.ts';
import type { SignatureRules } from '../receive.ts';
import { Dialler, type DiallerEdges } from './dialler.ts';
import { podReader } from './pod-reader.ts';

type Hooks = 'now' | 'unasked' | 'onFinding' | 'onNothing' | 'onVoid';

export interface DiallerParts extends Pick<DiallerEdges, Hooks> {
  readonly config: Config;
  readonly client: KubeClient;
  readonly asker: Pick<Asking, 'ask'>;
  readonly identity: () => IdentitySnapshot;
  readonly signatures: () => SignatureRules | undefined;
  readonly replicaSets: ReplicaSets;
  readonly labelledPod: (key: Key) => Pod | undefined;
  /** What the pod's last answer brought. */
  readonly knownCard: (ask: Ask) => ReceivedCard | undefined;
  /** Another text for another AgentCard object, or another spec of it. */
  readonly cardVersion: (key: Key) => string;
  readonly signedCard: (workload: Workload) => Promise<Uint8Array | undefined>;
}

const maxBytes = 1 << 20;
const maxHeaderBytes = 16 * 1024;
const cardHeaders = { accept: 'application/json, application/a2a+json', 'A2A-Version': '1.0' };

/** The dialler on its real edges: pods and ConfigMaps from the API server, cards from agents. */
export function createDialler(parts: DiallerParts): Dialler {
  const { config, client, now, unasked, onFinding, onNothing, onVoid } = parts;
  return new Dialler(
    {
      ...{ now, unasked, onFinding, onNothing, onVoid },
      pods: podReader(client, (namespace, name) => parts.labelledPod(`${namespace}/${name}`), parts.replicaSets, now),
      get: (ask, path, signal) => get(parts, ask, path, signal),
      standsOn: ({ card }) => `${parts.identity().bundleEpoch} ${parts.cardVersion(card)}`,
      signedCard: (ask) => parts.signedCard(ask.workload),
      receive: (ask, source, body) => {
        const context = { source, signatures: parts.signatures(), seen: ask.seen, now: now() };
        return receiveKnown(body, parts.knownCard(ask), context);
      },
    },
    { concurrency: config.fetchConcurrency },
  );
}

function get(parts: DiallerParts, ask: Ask, path: string, signal: AbortSignal): Promise<FetchOutcome> {
  const { address, port, family } = ask.endpoint;
  const { card, hostHeader, trustDomains } = ask;
  const request = {
    ...{ address, port, path, hostHeader },
    family: family === 'IPv6' ? (6 as const) : (4 as const),
    headers: cardHeaders,
    limits: { maxBytes, maxHeaderBytes, timeoutMs: parts.config.fetchTimeout },
  };
  const overTls = ask.transport === 'mtls' ? { trustDomains } : {};
  return parts.asker.ask({ card, proven: parts.knownCard(ask) !== undefined, request, ...overTls }, signal);
}
