import type { KubeObject } from '@agentcard-operator/kube/objects';
import { managedByLabel, managedByValue } from '../api/labels.ts';
import { goOperators } from '../api/names.ts';

/** By us, or by the Go operator before us. */
export function isAutoCreated(card: KubeObject): boolean {
  const by = card.metadata.labels?.[managedByLabel] ?? '';
  return by === managedByValue || goOperators.includes(by);
}

/** The card that stands for their workload: hand-written before auto-created, older, then by name. */
export function winnerOf<T extends KubeObject>(cards: readonly T[]): T | undefined {
  const [first, ...others] = cards;
  return first && others.reduce((best, card) => (beats(card, best) ? card : best), first);
}

function beats(card: KubeObject, other: KubeObject): boolean {
  const [auto, otherAuto] = [isAutoCreated(card), isAutoCreated(other)];
  if (auto !== otherAuto) return otherAuto;
  const [{ creationTimestamp: since = '', name }, { creationTimestamp: otherSince = '', name: otherName }] = [
    card.metadata,
    other.metadata,
  ];
  return since === otherSince ? name < otherName : since < otherSince;
}
