import { diffCards, type JsonObject } from '@agentcard-operator/agentcard';
import type { KubeObject } from '@agentcard-operator/kube/objects';
import { type AgentCard, type AgentCardStatus, sources } from '../../operator/api/agentcard.ts';
import { questions } from '../../operator/judge/questions.ts';
import { toldApart } from '../explain/text.ts';
import { cardText } from './card-text.ts';
import { rowOf, shown } from './rows.ts';

/** An Event of events.k8s.io/v1, narrowed to what is shown. */
export interface ClusterEvent extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly note?: string;
  readonly eventTime?: string | null;
  readonly deprecatedCount?: number;
  readonly series?: { readonly count?: number; readonly lastObservedTime?: string } | null;
  readonly regarding?: { readonly kind?: string; readonly namespace?: string; readonly name?: string };
}

/** The contents of a card that this page has seen, by cardId. */
export type Versions = ReadonlyMap<string, JsonObject>;

export type AgentView = ReturnType<typeof agentView>;

const mostEvents = 50;
const mostChanges = 40;
const longest = 2_048;

export const eventTime = ({ series, eventTime, metadata }: ClusterEvent) =>
  series?.lastObservedTime ?? eventTime ?? metadata.creationTimestamp ?? '';

/** All that is shown of one agent but its network; every text plain and cut. */
export function agentView(card: AgentCard, events: readonly ClusterEvent[], versions: Versions) {
  const { status = {}, spec } = card;
  const { conditions = [], checks = [], cardId = '' } = status;
  const asks = new Map<string, string>(questions.map((question) => [question.name, question.asks]));
  return {
    row: rowOf(card),
    conditions: conditions.map((condition) => {
      const { said, todo } = toldApart(condition);
      const { type, status, reason, lastTransitionTime: since } = condition;
      return { type, status, reason, said: shown(said, longest), todo, since };
    }),
    checks: checks.map(({ name, result, expected, observed, hint }) => ({
      ...{ name, result, asks: asks.get(name) ?? name },
      expected: result === 'pass' ? '' : shown(expected, longest),
      observed: shown(observed, longest),
      hint: result === 'pass' ? '' : shown(hint, longest),
    })),
    facts: factsOf(card),
    card: status.card === undefined ? undefined : cardText(status.card),
    cardId,
    approvedCardId: spec.approvedCardId ?? '',
    /** Whether releasing the card helps. */
    ordersQuarantine: spec.quarantine !== undefined,
    history: historyOf(status, versions),
    events: events
      .map((event) => ({
        at: eventTime(event),
        warning: event.type === 'Warning',
        reason: shown(event.reason, 64),
        note: shown(event.note, 1_024),
        count: event.series?.count ?? event.deprecatedCount ?? 1,
      }))
      .sort((a, b) => (a.at < b.at ? 1 : -1))
      .slice(0, mostEvents),
  };
}

function factsOf({ spec, status = {} }: AgentCard) {
  const { replicas, policy, source, quarantine, callers } = status;
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['Must prove', status.expectedSpiffeID],
    ['Proved over mTLS', status.attestedAgentSpiffeId],
    ['Signed by', status.signatureSpiffeId],
    ['Signature', status.signatureVerificationDetails],
    // Without a hold it is that of an earlier certificate.
    ['Certificate ends', status.heldSince && status.identityExpiresAt],
    ['Signer’s certificate ends', status.signedUntil],
    ['Trust held since', status.heldSince],
    ['Read', source && sources[source]],
    ['Pods', replicas && `${replicas.ready} ready, ${replicas.attested} proven`],
    ['NetworkPolicy', policy && `${policy.name} (${policy.mode})`],
    ['Quarantined by', quarantine && [quarantine.by, quarantine.subject, quarantine.reason].filter(Boolean).join(': ')],
    ['May call it', callers?.map(({ who, why }) => (why === undefined ? who : `${who} (cannot: ${why})`)).join(', ')],
    ['Asked every', spec.suspend === true ? 'never: suspended' : spec.syncPeriod],
    ['Approved content', spec.approvedCardId],
  ];
  return facts.map(([label, value]) => [label, shown(value, longest)] as const);
}

/** `changes`: what differs from the version before; undefined where this page has not seen both. */
function historyOf({ history = [] }: AgentCardStatus, versions: Versions) {
  return history.map(({ cardId, time }, index) => {
    const [after, before] = [versions.get(cardId), versions.get(history[index + 1]?.cardId ?? '')];
    return { cardId, time, changes: before && after && changesOf(before, after) };
  });
}

function changesOf(before: JsonObject, after: JsonObject) {
  const text = (value: unknown) => (value === undefined ? '' : shown(JSON.stringify(value), 240));
  const changes = diffCards(before, after).slice(0, mostChanges);
  return changes.map(({ path, kind, weight, before, after }) => {
    return { path: shown(path), kind, weight, before: text(before), after: text(after) };
  });
}
