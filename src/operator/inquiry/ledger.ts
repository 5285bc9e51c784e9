import type { Key } from '@agentcard-operator/kube/objects';
import type { Ask } from './agenda.ts';
import {
  type CardEvidence,
  dueAtOnce,
  type Finding,
  forgetText,
  noEvidence,
  type PodEvidence,
  type Stranger,
  type Unread,
} from './evidence.ts';
import { isNews } from './news.ts';

interface Entry {
  readonly pods: Map<string, PodEvidence>;
  strangers: Map<string, Stranger>;
  unread: Map<string, Unread>;
  complete: boolean;
  refresh: string | undefined;
}

/** Most cards have none: an empty map of their own would take 0.2 KB. */
const none = new Map<string, never>();
const own = <T>(known: Map<string, T>): Map<string, T> => (known === none ? new Map() : known);

/** What the operator has learned since it started: in memory, by AgentCard, then by pod instance. */
export class Ledger {
  readonly #entries = new Map<Key, Entry>();

  of(card: Key): CardEvidence {
    return this.#entries.get(card) ?? noEvidence;
  }

  /** Nothing of its pods is known, not even that they could not be read. */
  isEmpty(card: Key): boolean {
    const { pods, strangers, unread } = this.of(card);
    return pods.size + strangers.size + unread.size === 0;
  }

  /** False when the finding says nothing that was not known. */
  record(ask: Ask, finding: Finding): boolean {
    const entry = this.#entry(ask.card);
    const { podUid, podName, version } = ask.endpoint;
    entry.unread.delete(podUid);
    if (finding.kind === 'stranger') {
      const { at, owner, chosen } = finding;
      const known = entry.strangers.get(podUid);
      const isNew =
        entry.pods.delete(podUid) ||
        known?.owner !== owner ||
        known.chosen !== chosen ||
        known.endpointVersion !== version;
      const attempts = isNew ? 1 : known.attempts + 1;
      const stranger = { podName, at, owner, chosen, endpointVersion: version, attempts };
      entry.strangers = own(entry.strangers).set(podUid, stranger);
      return isNew;
    }
    const wasStranger = entry.strangers.delete(podUid);
    const before = entry.pods.get(podUid);
    const after = merged(before, ask, finding);
    entry.pods.set(podUid, after);
    return wasStranger || isNews(before, after);
  }

  /** The pod answered, or did not, between these times: while a plan is applied, earlier questions come back. */
  heardBetween({ card, endpoint }: Ask, since: number, now: number): boolean {
    const pod = this.#entries.get(card)?.pods.get(endpoint.podUid);
    const last = Math.max(pod?.answer?.at ?? 0, pod?.silence?.last ?? 0);
    return last > since && last <= now;
  }

  /** `forgiven`: it was the API server that failed, so the pod is tried again as soon as the first time. */
  recordNothing({ card, endpoint }: Ask, at: number, forgiven = false): void {
    const entry = this.#entry(card);
    const known = entry.unread.get(endpoint.podUid);
    const again = !forgiven && known?.endpointVersion === endpoint.version ? known.attempts : 0;
    const since = forgiven ? undefined : Math.min(known?.since ?? at, at);
    const vain = { at, since, endpointVersion: endpoint.version, attempts: again + 1 };
    entry.unread = own(entry.unread).set(endpoint.podUid, vain);
  }

  /** What a pod answered says nothing, since what the question stood on has changed: it is asked again. */
  recordVoid({ card, endpoint }: Ask): void {
    const pods = this.#entries.get(card)?.pods;
    const pod = pods?.get(endpoint.podUid);
    if (pod !== undefined) pods?.set(endpoint.podUid, dueAtOnce(pod));
  }

  honourRefresh(card: Key, value: string | undefined): void {
    if (value !== undefined) this.#entry(card).refresh = value;
  }

  /**
   * Drops the evidence of pods that no longer stand behind the card, and sees whether all that do have been asked; for a
   * card of which nothing was `stored`, nothing is waited for.
   */
  keepOnly(card: Key, podUids: ReadonlySet<string>, stored: boolean): void {
    const entry = this.#entries.get(card);
    if (entry === undefined) return;
    const { pods, strangers, unread } = entry;
    for (const known of [pods, strangers, unread]) {
      for (const uid of known.keys()) if (!podUids.has(uid)) known.delete(uid);
    }
    entry.complete ||= !stored || (podUids.size > 0 && pods.size + strangers.size + unread.size >= podUids.size);
  }

  /** Of what the status shows, since that keeps it. */
  forgetTexts(card: Key, publishedHash: string | undefined): void {
    for (const { answer } of this.of(card).pods.values()) {
      if (answer?.kind === 'card') forgetText(answer.card, publishedHash);
    }
  }

  /** What a pod proved is void, for example because its containers were replaced: it is asked again. */
  discard(card: Key, podUid: string): void {
    this.#entries.get(card)?.pods.delete(podUid);
  }

  /** Silent and refused pods are due at once: what kept them from proving themselves may be over. Until then they stay what they are. */
  hurry(): void {
    this.#each(({ silence, answer, ...pod }) => ({
      ...pod,
      silence: silence && { ...silence, last: 0 },
      answer: answer?.kind === 'refusal' ? { ...answer, at: 0 } : answer,
    }));
  }

  /** Another look at all evidence, for example with another trust bundle. */
  revise(look: (pod: PodEvidence) => PodEvidence): void {
    this.#each(look);
  }

  #each(change: (pod: PodEvidence) => PodEvidence): void {
    for (const { pods } of this.#entries.values()) {
      for (const [uid, pod] of pods) pods.set(uid, change(pod));
    }
  }

  forget(card: Key): void {
    this.#entries.delete(card);
  }

  #entry(card: Key): Entry {
    let entry = this.#entries.get(card);
    if (entry === undefined) {
      entry = { pods: new Map(), strangers: none, unread: none, complete: false, refresh: undefined };
      this.#entries.set(card, entry);
    }
    return entry;
  }
}

/** A restarted container is another instance: it does not inherit what its predecessor proved. */
function merged(before: PodEvidence | undefined, ask: Ask, finding: Exclude<Finding, { kind: 'stranger' }>) {
  const { facts } = finding;
  const same = before?.facts.containersHash === facts.containersHash && before.transport === ask.transport;
  const base = { facts, transport: ask.transport, endpointVersion: ask.endpoint.version };
  if (finding.kind === 'answer') return { ...base, answer: finding.answer, silence: undefined };
  const { since = finding.at, attempts = 0 } = (same ? before.silence : undefined) ?? {};
  const { at: last, reason, message, blocked, peer } = finding;
  const silence = { since, last, attempts: attempts + 1, reason, message, blocked, peer };
  return { ...base, answer: same ? before.answer : undefined, silence };
}
