import { type Key, splitKey } from '@agentcard-operator/kube/objects';
import { FairLine } from '@agentcard-operator/kube/runtime';
import type { FetchOutcome } from '@agentcard-operator/spiffe/tls';
import type { Result } from '@agentcard-operator/spiffe/x509';
import { belongsTo, type PodFacts } from '../../workload/pod.ts';
import type { Workload } from '../../workload/workload.ts';
import type { Ask } from '../agenda.ts';
import type { Finding, ReceivedCard } from '../evidence.ts';
import { findingFrom, type Heard, isFrom, isSilent } from './finding.ts';
import type { PodPlace } from './pod-place.ts';
import type { PodReader } from './pod-reader.ts';

/** The edges that the dialler stands on. */
export interface DiallerEdges {
  readonly now: () => number;
  readonly pods: PodReader;
  /** If nothing is known of the card: the workloads of its namespace of which that is true. */
  readonly unasked: (ask: Ask) => Iterable<Workload>;
  /** One GET of one path; never rejects for anything that the agent does. */
  readonly get: (ask: Ask, path: string, signal: AbortSignal) => Promise<FetchOutcome>;
  readonly onFinding: (ask: Ask, finding: Finding, seconds: number) => void;
  /** The signer's ConfigMap's card, where the workload has one and signatures are verified. */
  readonly signedCard: (ask: Ask) => Promise<Uint8Array | undefined>;
  readonly receive: (ask: Ask, source: ReceivedCard['source'], body: Uint8Array) => Promise<Result<ReceivedCard>>;
  /** The pod is gone or the API server did not say: nothing was learned. */
  readonly onNothing: (ask: Ask, error: unknown) => void;
  /** What a question stands on besides the agent, our trust bundles and the card's spec: what changes it voids the answer. */
  readonly standsOn: (ask: Ask) => string;
  /** What was learned does not count any more: ask again. */
  readonly onVoid: (ask: Ask) => void;
}

/** Targets that were slow last time share at most a quarter of the places, so that black holes delay nobody. */
const slowShare = 4;
const slowMs = 1_000;
/** Of more than that the oldest are forgotten, which costs a read each. */
const rememberedPods = 32_768;

/** What is remembered of a pod's last attempt, where that was slow or brought nothing. */
interface Remembered {
  readonly version: string;
  /** Of a silent pod: until it answers, they serve for the next attempt without a read. */
  readonly facts: PodFacts | undefined;
  readonly slow: boolean;
}

type Lane = 'quick' | 'slow';

/**
 * Puts questions to agents, with its own bound and away from the reconcile. A question that is already waiting or under
 * way is not put twice. Namespaces share each lane's places: the next one goes to a namespace that holds the fewest.
 */
export class Dialler {
  readonly #edges: DiallerEdges;
  readonly #concurrency: number;
  /** The ids of what waits. */
  readonly #lines = { quick: new FairLine<string>(), slow: new FairLine<string>() };
  readonly #waiting = new Map<string, Ask>();
  /** The same by card. */
  readonly #waitingOf = new Map<Key, Set<string>>();
  readonly #running = new Map<string, { readonly lane: Lane; readonly namespace: string }>();
  readonly #remembered = new Map<string, Remembered>();
  readonly #stop = new AbortController();
  #openedAt: number | undefined;

  constructor(edges: DiallerEdges, { concurrency }: { readonly concurrency: number }) {
    this.#edges = edges;
    this.#concurrency = concurrency;
  }

  ask(asks: readonly Ask[]): void {
    for (const ask of asks) {
      const id = idOf(ask);
      if (this.#running.has(id)) continue;
      const before = this.#waiting.get(id);
      const urgent = ask.urgent || before?.urgent === true;
      this.#waiting.set(id, { ...ask, urgent });
      this.#waitingOf.set(ask.card, (this.#waitingOf.get(ask.card) ?? new Set()).add(id));
      if (before !== undefined && before.urgent === urgent) continue;
      this.#leave(id, ask);
      const lane = this.#remembered.get(id)?.slow ? 'slow' : 'quick';
      this.#lines[lane].add(id, id, namespaceOf(ask), urgent ? 1 : 0);
    }
    this.#pump();
  }

  /** Nothing is dialled before: an identity that is about to arrive must not look like an agent that is away. */
  open(): void {
    this.#openedAt = this.#edges.now();
    this.#pump();
  }

  get openedAt(): number | undefined {
    return this.#openedAt;
  }

  /** Forgets what waits for a card; what is under way ends by itself and its finding is dropped by the caller. */
  forget(card: Key): void {
    this.keepOnly(card, new Set());
    for (const id of this.#remembered.keys()) if (id.startsWith(`${card} `)) this.#remembered.delete(id);
  }

  /** Drops what waits for pods that stand behind a card no more: a slice can name others as fast as it is written. */
  keepOnly(card: Key, podUids: ReadonlySet<string>): void {
    for (const id of this.#waitingOf.get(card) ?? []) {
      const ask = this.#waiting.get(id);
      if (ask === undefined || podUids.has(ask.endpoint.podUid)) continue;
      this.#leave(id, ask);
      this.#end(id, ask);
    }
  }

  /** It waits no more. */
  #end(id: string, { card }: Ask): void {
    this.#waiting.delete(id);
    const others = this.#waitingOf.get(card);
    others?.delete(id);
    if (others?.size === 0) this.#waitingOf.delete(card);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running.size;
  }

  stop(): void {
    this.#waiting.clear();
    this.#stop.abort();
  }

  #leave(id: string, ask: Ask): void {
    for (const line of Object.values(this.#lines)) line.remove(id, namespaceOf(ask));
  }

  #pump(): void {
    const slowPlaces = Math.max(1, Math.floor(this.#concurrency / slowShare));
    while (this.#openedAt !== undefined && !this.#stop.signal.aborted && this.#running.size < this.#concurrency) {
      const running = Map.groupBy(this.#running.values(), ({ lane }) => lane);
      const lane = this.#lines.slow.size > 0 && (running.get('slow')?.length ?? 0) < slowPlaces ? 'slow' : 'quick';
      const held = Map.groupBy(running.get(lane) ?? [], ({ namespace }) => namespace);
      const id = this.#lines[lane].take((namespace) => held.get(namespace)?.length ?? 0);
      const ask = id === undefined ? undefined : this.#waiting.get(id);
      if (id === undefined || ask === undefined) return;
      this.#end(id, ask);
      this.#running.set(id, { lane, namespace: namespaceOf(ask) });
      void this.#run(id, ask);
    }
  }

  async #run(id: string, ask: Ask): Promise<void> {
    const started = this.#edges.now();
    const ground = this.#edges.standsOn(ask);
    try {
      const finding = await this.#inquire(ask, id);
      if (this.#stop.signal.aborted) return;
      if (this.#edges.standsOn(ask) !== ground) this.#edges.onVoid(ask);
      else if (finding === undefined) this.#edges.onNothing(ask, undefined);
      else this.#edges.onFinding(ask, finding, (this.#edges.now() - started) / 1000);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#edges.onNothing(ask, error);
    } finally {
      this.#running.delete(id);
      this.#pump();
    }
  }

  async #inquire(ask: Ask, id: string): Promise<Finding | undefined> {
    const before = this.#remembered.get(id);
    const known = before?.version === ask.endpoint.version ? before.facts : undefined;
    const ahead = known ?? (await this.#edges.pods.ahead(placeOf(ask), () => this.#edges.unasked(ask)));
    const read = await this.#read(ask, ahead);
    if (read === undefined || 'kind' in read) return read;
    const signed = ask.transport === 'mtls' ? undefined : await this.#edges.signedCard(ask);
    if (signed !== undefined) return this.#fromConfigMap(ask, read, signed);
    const asked = this.#edges.now();
    const heard = await this.#firstAnswer(ask);
    const { outcome } = heard;
    const silent = isSilent(outcome);
    const slow = (silent && outcome.code === 'Timeout') || this.#edges.now() - asked > slowMs;
    this.#remember(id, { version: ask.endpoint.version, facts: silent ? read : undefined, slow });
    if (silent) return this.#finding(ask, read, heard);
    // What speaks after a silence may be another container; and nobody is accused by what was read a while ago.
    const isOld = known !== undefined || (ahead !== undefined && !isFrom(ask.expected, outcome));
    const now = isOld ? await this.#read(ask) : read;
    return now === undefined || 'kind' in now ? now : this.#finding(ask, now, heard);
  }

  #remember(id: string, what: Remembered): void {
    this.#remembered.delete(id);
    if (what.facts === undefined && !what.slow) return;
    const [oldest] = this.#remembered.size < rememberedPods ? [] : this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
    this.#remembered.set(id, what);
  }

  #finding(ask: Ask, facts: PodFacts, heard: Heard): Promise<Finding> {
    return findingFrom(heard, facts, this.#edges.now(), (body) => this.#edges.receive(ask, ask.transport, body));
  }

  /** The pod's facts; or that it belongs elsewhere; or nothing, when it is gone or moved. */
  async #read(ask: Ask, known?: PodFacts): Promise<PodFacts | Finding | undefined> {
    const { endpoint, workload } = ask;
    const facts = await this.#edges.pods.facts(placeOf(ask), known);
    if (facts === undefined) return undefined;
    // It names the workload, which did not make it.
    const isForged = facts.owner.uid === workload.uid;
    const owner = isForged ? 'a forged owner' : `${facts.owner.kind} ${facts.owner.name}`;
    if (!belongsTo(facts, workload)) return { kind: 'stranger', owner, chosen: facts.chosen, at: this.#edges.now() };
    return facts.addresses.includes(endpoint.address) ? facts : undefined;
  }

  /** The pod itself is not asked: the signer's ConfigMap speaks for the pods of the workload. */
  #fromConfigMap(ask: Ask, facts: PodFacts, body: Uint8Array): Promise<Finding> {
    const outcome = { kind: 'answer' as const, status: 200, body: Buffer.from(body) };
    return findingFrom({ outcome }, facts, this.#edges.now(), (bytes) => this.#edges.receive(ask, 'configmap', bytes));
  }

  /** The well-known paths in turn; the next one only where the last was answered 404. The last outcome is reported. */
  async #firstAnswer(ask: Ask): Promise<Heard> {
    const absent: string[] = [];
    for (const path of ask.paths) {
      const outcome = await this.#edges.get(ask, path, this.#stop.signal);
      const isLast = absent.length === ask.paths.length - 1;
      if (isLast || outcome.kind === 'failed' || outcome.status !== 404) return { outcome, path, absent };
      absent.push(path);
    }
    throw new Error('an agenda entry names no path');
  }
}

function placeOf({ endpoint, workload }: Ask): PodPlace {
  const { podName: name, podUid: uid, address } = endpoint;
  const { namespace, uid: workloadUid, selector } = workload;
  return { namespace, name, uid, workloadUid, selector, address };
}

function namespaceOf({ card }: Ask): string {
  return splitKey(card).namespace ?? '';
}

function idOf(ask: Ask): string {
  return `${ask.card} ${ask.endpoint.podUid}`;
}
