import type { KubeClient } from '@agentcard-operator/kube';
import { type Key, typeOf } from '@agentcard-operator/kube/objects';
import type { EventRecord } from '@agentcard-operator/kube/runtime';
import { customResources } from '../api/resources.ts';
import { releaseCard } from '../cleanup/remains.ts';
import type { Inquiry } from '../inquiry/inquiry.ts';
import type { StatusMetrics } from '../metrics/cards.ts';
import type { NetworkProof } from '../network/proof.ts';
import type { CachedCard } from '../watch/cached.ts';
import type { OwnWrites } from '../watch/own-writes.ts';
import type { QuarantineList } from '../watch/quarantine-entries.ts';
import type { ListedBefore } from '../watch/quarantine-list.ts';
import { observe, type Sources } from './observe.ts';
import type { Edges } from './reconcile.ts';

export interface EdgeParts extends Pick<Edges, 'now'>, Pick<Sources, 'caches' | 'config'> {
  readonly client: KubeClient;
  readonly record: (record: EventRecord) => void;
  readonly ownWrites: OwnWrites;
  readonly inquiry: Inquiry;
  readonly metrics: StatusMetrics;
  readonly quarantineList: () => QuarantineList;
  readonly listedBefore: ListedBefore;
  readonly network: () => NetworkProof;
}

/** The world around the story as it runs: caches, the inquiry, the API server. */
export function storyEdges(parts: EdgeParts): Edges {
  const { client, now, caches, ownWrites, inquiry, metrics, config } = parts;
  const lastWritten = new Map<Key, number>();
  return {
    client: ownWrites.client(client),
    now,
    lastWritten,
    snapshot: (key) => {
      const { listedBefore } = parts;
      const followed = { quarantineList: parts.quarantineList(), listedBefore, network: parts.network() };
      return observe(key, { caches, config, ...inquiry.known(key), ...followed });
    },
    takePolicy: (policy) => ownWrites.take(policy, caches.policies),
    takeMark: (pod) => ownWrites.note(pod),
    takeCard: (card) => ownWrites.take(card as CachedCard, caches.cards),
    record: (card, note) => {
      metrics.told(note.reason);
      parts.record({ regarding: { ...card, ...typeOf(customResources.agentCards) }, ...note });
    },
    ask: (asks, since) => inquiry.ask(asks, since),
    keep: (seen, { replaced, unmarked }) => {
      metrics.stripped('unproven', unmarked);
      inquiry.keep({ ...seen, replaced });
    },
    forget: async (key) => {
      lastWritten.delete(key);
      inquiry.forget(key);
      await releaseCard(caches.cards.get(key), client);
    },
  };
}
