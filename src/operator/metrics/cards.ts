import { type Key, keyOf } from '@agentcard-operator/kube/objects';
import { counter, gauge } from '@agentcard-operator/kube/runtime';
import type { Registry } from 'prom-client';
import type { CardEvidence, Finding } from '../inquiry/evidence.ts';
import { type NetworkProof, proofStates } from '../network/proof.ts';
import type { CachedCard } from '../watch/cached.ts';
import { scraped } from './scraped.ts';

/** What the gauges read when they are scraped. */
export interface Fleet {
  readonly cards: () => Iterable<CachedCard>;
  /** Cards without an answer now, and until when the brake holds. */
  readonly fleet: () => { readonly silent: number; readonly heldUntil: number | undefined };
  readonly network: () => NetworkProof;
  readonly evidenceOf: (card: Key) => CardEvidence;
  readonly now: () => number;
}

export type StatusMetrics = ReturnType<typeof statusMetrics>;

export function statusMetrics(registry: Registry, fleet: Fleet) {
  const looked = 'Verifications of one pod or signature by mechanism and result';
  const verifications = counter(registry, 'agentcard_verifications_total', looked, ['mechanism', 'result']);
  const drift = counter(registry, 'agentcard_drift_total', 'Cards that changed their content', []);
  const stripped = counter(registry, 'agentcard_labels_stripped_total', 'Verified labels taken off pods', ['why']);
  const stands = '1 while ConfigMap agentcard-quarantine cannot be read and an earlier list stands';
  const malformed = gauge(registry, ['agentcard_quarantine_list_malformed', stands], []);
  fleetGauges(registry, fleet);
  for (const why of ['stray', 'unproven']) stripped.inc({ why }, 0);
  for (const [mechanism, results] of Object.entries(knownResults)) {
    for (const result of results) verifications.inc({ mechanism, result }, 0);
  }
  return {
    learned: (transport: 'mtls' | 'http', finding: Finding): void => {
      for (const labels of resultsOf(transport, finding)) verifications.inc(labels);
    },
    /** An event was told. */
    told: (reason: string): void => drift.inc(reason === 'CardContentChanged' ? 1 : 0),
    /** Labels taken off: of pods that no card accounts for, or of pods that lost their proof. */
    stripped: (why: 'stray' | 'unproven', count: number): void => stripped.inc({ why }, count),
    quarantineList: (isMalformed: boolean): void => malformed.set(isMalformed ? 1 : 0),
  };
}

const knownResults = {
  mtls: ['proven', 'refused', 'unanswered'],
  signature: ['valid', 'invalid', 'missing', 'expired', 'untrusted'],
} as const;

function resultsOf(transport: string, finding: Finding): { mechanism: string; result: string }[] {
  if (finding.kind === 'silence') return transport === 'mtls' ? [{ mechanism: 'mtls', result: 'unanswered' }] : [];
  if (finding.kind !== 'answer') return [];
  const { answer } = finding;
  if (answer.kind === 'refusal') return [{ mechanism: 'mtls', result: 'refused' }];
  if (answer.kind !== 'card') return [];
  const { signature } = answer.card;
  return [
    ...(answer.peer === undefined ? [] : [{ mechanism: 'mtls', result: 'proven' }]),
    ...(signature === undefined ? [] : [{ mechanism: 'signature', result: signature.outcome }]),
  ];
}

/** A card without a workload has nothing to enforce, which is no fault of the network. */
const countedConditions = [
  ['agentcard_cards', 'Ready', 'ready', ''],
  ['agentcard_enforced_cards', 'Enforced', 'enforced', ', without those that lack both workload and policy'],
] as const;

function fleetGauges(registry: Registry, parts: Fleet): void {
  const { cards, fleet, network } = parts;
  const read = scraped(registry);
  read('agentcard_network_proof', '1 for what probes have shown of NetworkPolicies', ['state'], (byState) => {
    for (const state of proofStates) byState.set({ state }, state === network().state ? 1 : 0);
  });
  read('agentcard_held_cards', 'Cards whose verdict rests on earlier evidence', [], (held) => {
    for (const { status } of cards()) if (status?.heldSince !== undefined) held.inc();
  });
  read('agentcard_silent_cards', 'Cards none of whose pods answers', [], (silent) => silent.set(fleet().silent));
  read('agentcard_fleet_brake_engaged', '1 while nobody loses trust for absence', [], (engaged) => {
    engaged.set(fleet().heldUntil === undefined ? 0 : 1);
  });
  for (const [name, type, label, but] of countedConditions) {
    const help = `Cards by the status and reason of their condition ${type}${but}`;
    read(name, help, ['namespace', label, 'reason'], (counted) => {
      for (const { metadata, status } of cards()) {
        const is = status?.conditions?.find((condition) => condition.type === type);
        const finds = status?.checks?.some((check) => check.name === 'workload' && check.result === 'pass');
        if (is?.reason === 'NotEnforceable' && finds !== true) continue;
        const { status: value = 'Unknown', reason = 'Pending' } = is ?? {};
        counted.inc({ namespace: metadata.namespace ?? '', [label]: value, reason });
      }
    });
  }
  read('agentcard_policies', 'NetworkPolicies by mode', ['mode'], (byMode) => {
    for (const mode of ['enforce', 'quarantine']) byMode.set({ mode }, 0);
    for (const { status } of cards()) if (status?.policy !== undefined) byMode.inc({ mode: status.policy.mode });
  });
  const ends = 'Earliest end to come of the certificates that agents of a namespace last proved; told by who leads';
  read('agentcard_identity_expiration_timestamp_seconds', ends, ['namespace'], (byNamespace) => {
    for (const [namespace, end] of earliestEnds(parts)) byNamespace.set({ namespace }, end / 1000);
  });
}

/** By namespace: a series for each card would be 10,000, of which nobody reads one. What a restart restored has no end that is known. */
function earliestEnds({ cards, evidenceOf, now }: Fleet): ReadonlyMap<string, number> {
  const earliest = new Map<string, number>();
  for (const card of cards()) {
    const { namespace = '' } = card.metadata;
    for (const { answer } of evidenceOf(keyOf(card)).pods.values()) {
      const end = answer?.kind === 'card' ? (answer.peer?.notAfter ?? Infinity) : Infinity;
      if (end > now() && end < (earliest.get(namespace) ?? Infinity)) earliest.set(namespace, end);
    }
  }
  return earliest;
}
