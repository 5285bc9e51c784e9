import { keyOf } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../../operator/api/agentcard.ts';
import { foldDemands } from '../../operator/api/guarded-fields.ts';
import { identityLabel } from '../../operator/api/labels.ts';
import { identityValue } from '../../operator/api/marks.ts';
import { type Callers, callersOf } from '../../operator/judge/callers.ts';
import type { Agent } from '../../operator/judge/snapshot.ts';
import { winnerOf } from '../../operator/workload/winner.ts';
import { workloadKey } from '../../operator/workload/workload.ts';
import type { Fleet } from './fleet.ts';
import type { Party } from './reach.ts';

/** Namespace, kind and name of a card's workload; '' where it names none. */
export function targetOf({ metadata, spec }: AgentCard): string {
  return spec.targetRef === undefined ? '' : workloadKey(metadata.namespace ?? '', spec.targetRef);
}

/** What a workload's cards say together of who may call it. */
export type Listings = (target: string) => Callers | undefined;

/** By the very functions that the operator uses; asked for each workload once. */
export function listings({ cards, workloads, settings }: Fleet): Listings {
  const staying = cards.filter(({ metadata, spec }) => metadata.deletionTimestamp === undefined && spec.targetRef);
  const byTarget = Map.groupBy(staying, targetOf);
  const byKey = new Map(staying.map((card) => [keyOf(card), card]));
  const agentOf = (card: AgentCard): Agent => {
    const rivals = byTarget.get(targetOf(card)) ?? [];
    const first = winnerOf(rivals);
    const winner = first === card ? undefined : first;
    return {
      card,
      siblings: rivals.filter((other) => other !== card),
      workload: workloads.get(targetOf(card)),
      winner,
    };
  };
  const agentNamed = (key: string) => {
    const card = byKey.get(key);
    return card && agentOf(card);
  };
  const known = new Map<string, Callers | undefined>();
  return (target) => {
    const card = winnerOf(byTarget.get(target) ?? []);
    if (card === undefined || known.has(target)) return known.get(target);
    const demands = foldDemands(card, agentOf(card).siblings);
    const callers = callersOf({ card, agentNamed }, { callers: demands.callers?.value }, settings);
    known.set(target, callers);
    return callers;
  };
}

/** How a list takes a pod; undefined where there is no list, or the pod is no verified agent. */
export function standingOn(callers: Callers | undefined, { labels }: Party): string | undefined {
  const worn = labels[identityLabel];
  if (callers === undefined || worn === undefined) return undefined;
  const entry = callers.listed.find(({ ids, why }) => why === undefined && ids.map(identityValue).includes(worn));
  return entry === undefined ? 'not listed' : `listed as ${entry.who}`;
}
