import type { AgentCardSpec } from '../api/agentcard.ts';
import { type Demand, foldDemands } from '../api/guarded-fields.ts';
import type { Settings } from '../settings/settings.ts';
import type { CachedCard } from '../watch/cached.ts';
import type { Workload } from '../workload/workload.ts';
import { expectedIds } from './expected.ts';
import type { Agent, Approved, Demanded } from './snapshot.ts';

export const noDemands: Demanded = { expected: [], wanted: '', strict: true, approved: undefined, callers: undefined };

/** A text tells why no agent could meet it. */
export function demandedOf(
  { card, siblings }: Omit<Agent, 'workload'>,
  workload: Workload,
  settings: Settings,
): Demanded | string {
  const isFloor = settings.strictBinding === 'floor';
  const idsOf = rendering(workload, settings);
  const [own = ''] = isFloor ? idsOf({ ...card.spec, identityBinding: undefined }) : [];
  const counts = (id: string) => id === own || settings.floorAllowedIds.includes(id);
  const floored = (one: CachedCard) => {
    const { identityBinding, ...spec } = one.spec;
    const { allowedSpiffeIDs = [], trustDomain } = identityBinding ?? {};
    const says = allowedSpiffeIDs.length > 0 || trustDomain !== undefined;
    const binding = says ? { allowedSpiffeIDs: idsOf(one.spec).filter(counts) } : undefined;
    return { ...one, spec: { ...spec, identityBinding: binding } };
  };
  const folded = isFloor ? foldDemands(floored(card), siblings.map(floored)) : foldDemands(card, siblings);
  const { approvedCardId, strict, allowedSpiffeIDs, trustDomain, callers } = folded;
  const isOn = settings.mtls || settings.signature;
  for (const [demand, words] of [
    [allowedSpiffeIDs, 'allow no SPIFFE ID in common'],
    [trustDomain, 'demand different trust domains'],
  ] as const) {
    if (isOn && demand !== undefined && demand.value === undefined) return `${named(demand.by)} ${words}.`;
  }
  const binding = { allowedSpiffeIDs: [...(allowedSpiffeIDs?.value ?? [])], trustDomain: trustDomain?.value };
  const expected = isOn ? idsOf({ ...card.spec, identityBinding: binding }) : [];
  const ignored = isOn && isFloor ? idsOf(card.spec).filter((id) => !counts(id)) : [];
  const whose = foreign([allowedSpiffeIDs ?? trustDomain, strict?.value === true ? strict : undefined], card);
  const lost = ignored.length === 0 ? '' : `, while --strict-binding=floor ignores ${ignored.join(' and ')}`;
  return {
    expected,
    wanted: `${expected.join(' or ')}${whose}${lost}`,
    strict: isFloor || (strict?.value ?? settings.strictBinding === 'true'),
    approved: approvedCardId && approval(approvedCardId, card),
    callers: callers?.value,
  };
}

/** Settings were checked at start; a card's own wrong trust domain leaves nothing that could be proven. */
function rendering({ namespace, serviceAccount }: Workload, { trustDomain, spiffeIdTemplate }: Settings) {
  return (spec: AgentCardSpec) => {
    const ids = expectedIds(spec, spiffeIdTemplate, { trustDomain, namespace, serviceAccount });
    return ids.ok ? ids.value : [];
  };
}

function approval(demand: Demand<string>, card: CachedCard): Approved {
  const { value: cardId, by } = demand;
  const words = cardId ?? `no card: ${named(by)} approve different ones`;
  return { cardId, words: cardId === undefined ? words : `${words}${foreign([demand], card)}` };
}

/** Whose demands these are, where they are not the card's own. */
function foreign(demands: readonly (Demand<unknown> | undefined)[], card: CachedCard): string {
  const by = demands.flatMap((demand) => demand?.by ?? []).filter((name) => name !== card.metadata.name);
  return by.length === 0 ? '' : ` (demanded by ${named([...new Set(by)])})`;
}

function named([first = '', ...others]: readonly string[]): string {
  const [second] = others;
  if (second === undefined) return `AgentCard ${first}`;
  return others.length === 1
    ? `AgentCards ${first} and ${second}`
    : `AgentCards ${first}, ${second} and ${others.length - 1} more`;
}
