import { type Key, keyOf } from '@agentcard-operator/kube/objects';
import { type AddOptions, lowPriority } from '@agentcard-operator/kube/runtime';
import { type NetworkProof, proofOf, unproven } from '../network/proof.ts';
import type { Caches } from './caches.ts';

/** Timers and clocks differ by little; who is woken too early looks in vain. */
const lateMs = 1_000;

interface ProbeSinks {
  readonly wake: (key: Key, when?: AddOptions) => void;
  readonly now: () => number;
  /** For so long what was shown stands while probes are silent: a pod that moves to another node is no news. */
  readonly holdMs: number;
}

/** Follows the chart's probe pods. Returns what they have shown of the network, as far as it counts now. */
export function followProbes(
  { cards, probes }: Pick<Caches, 'cards' | 'probes'>,
  { wake, now, holdMs }: ProbeSinks,
): () => NetworkProof {
  let current = unproven;
  let shown = { proof: unproven, until: 0 };
  let end: NodeJS.Timeout | undefined;
  const tell = () => {
    for (const card of cards.values()) wake(keyOf(card), { priority: lowPriority });
  };
  const look = () => {
    current = proofOf([...(probes?.values() ?? [])]);
    if (current.state === 'unproven') {
      shown = { ...shown, until: Math.min(shown.until, now() + holdMs) };
      if (shown.until > now()) end ??= setTimeout(tell, shown.until - now() + lateMs).unref();
      return;
    }
    clearTimeout(end);
    end = undefined;
    const isNews = shown.until <= now() || shown.proof.says !== current.says;
    shown = { proof: current, until: Number.POSITIVE_INFINITY };
    if (isNews) tell();
  };
  probes?.onEvent({ add: look, update: look, remove: look });
  return () => (shown.until > now() ? shown.proof : current);
}
