import type { AgentCardStatus } from '../api/agentcard.ts';
import { foldDemands } from '../api/guarded-fields.ts';
import { autoCardName, quarantineListName } from '../api/labels.ts';
import { allListings, listingsOf } from '../watch/quarantine-entries.ts';
import type { Sight } from './sight.ts';
import type { Snapshot, Target } from './snapshot.ts';

/** Who cuts the agent off, and why; as the status keeps it. */
export type Quarantine = NonNullable<AgentCardStatus['quarantine']>;

/**
 * Why the agent is cut off; undefined when it is not. A card of the same workload quarantines it too, so that a second card
 * lifts nothing. What the list once named by any of them stays cut off until the entry leaves the list, whatever the agent
 * serves or proves by then, and whichever card it has; while the list cannot be read, what the stored status says of it
 * stands. A quarantine that chooses its pods cuts them off whatever their workload is called by now.
 */
export function quarantineOf(snapshot: Snapshot, target: Target, pods: readonly Sight[]): Quarantine | undefined {
  const { card, siblings, quarantineList, listedBefore, neighbours } = snapshot;
  const { value, by: [subject] = [] } = foldDemands(card, siblings).quarantine ?? {};
  if (value !== undefined) {
    return subject === card.metadata.name ? { by: 'card', ...value } : { by: 'sibling', subject, ...value };
  }
  const listings = allListings(quarantineList.entries);
  const shown = listings.length === 0 ? undefined : subjectsShown(snapshot, target, pods);
  const named = listings.find(({ subject: each }) => shown?.has(each));
  return listingsOf([card, ...siblings], quarantineList)[0] ?? listedBefore[0] ?? named ?? neighbours[0];
}

const longestSubject = 300;

/** In words. */
export function quarantineMessage({ by, subject = '', reason }: Quarantine): string {
  const short = subject.length > longestSubject ? `${subject.slice(0, longestSubject - 1)}…` : subject;
  if (by === 'list') return `Quarantined by ConfigMap ${quarantineListName} (${short}): ${reason}.`;
  if (by === 'neighbour')
    return `Quarantined with AgentCard ${short}, whose NetworkPolicy chooses its pods: ${reason}.`;
  return by === 'card' ? `Quarantined: ${reason}.` : `Quarantined by AgentCard ${short}: ${reason}.`;
}

/** What names the agent by the card that its workload would have of us, and by what any pod shows now. */
function subjectsShown({ workload }: Snapshot, { expected }: Target, pods: readonly Sight[]): ReadonlySet<string> {
  const shown = pods.flatMap((pod) => (pod.shown?.kind === 'card' ? [pod.shown] : []));
  const ids = [...expected, ...shown.flatMap(({ peer, card }) => [peer?.uri, card.signature?.signer])];
  const auto = `card ${workload?.namespace}/${workload && autoCardName(workload)}`;
  const contents = shown.map(({ card }) => `cardId ${card.cardId}`);
  return new Set([auto, ...contents, ...ids.map((id) => `spiffeId ${id}`)]);
}
