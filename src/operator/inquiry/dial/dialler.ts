import type { Key } from '@agentcard-operator/kube/objects';
import type { FetchOutcome } from '@agentcard-operator/spiffe/tls';
import type { Result } from '@agentcard-operator/spiffe/x509';
import { belongsTo, type PodFacts } from '../../workload/pod.ts';
import type { Ask } from '../agenda.ts';
import type { Finding, ReceivedCard } from '../evidence.ts';
import { findingFrom, type Heard, isSilent } from './finding.ts';
import type { PodReader } from './pod-reader.ts';
import { WaitingLine } from './waiting-line.ts';

/** The edges that the dialler stands on. */
export interface DiallerEdges {
  readonly now: () => number;
  readonly pods: PodReader;
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

/** Targets that last timed out share at most a quarter of the places, so that black holes delay nobody. */
const slowShare = 4;
/** More than that are forgotten at once, which costs a read each. */
const rememberedPods = 32_768;

/** A pod whose last attempt brought nothing. Until it answers, its facts serve for the next attempt without a read. */
interface Unanswered {
  readonly version: string;
  readonly facts: PodFacts;
  readonly timedOut: boolean;
}

/**
 * Puts questions to agents, with its own bound and away from the reconcile. A question that is already waiting or under
 * way is not put twice.
 */
export class Dialler {
  readonly #edges: DiallerEdges;
  readonly #concurrency: number;
  readonly #waiting = { quick: new WaitingLine(), slow: new WaitingLine() };
  readonly #running = new Map<string, 'quick' | 'slow'>();
  readonly #unanswered = new Map<string, Unanswered>();
  readonly #stop = new AbortController();
  #open = false;

  constructor(edges: DiallerEdges, { concurrency }: { readonly concurrency: number }) {
    this.#edges = edges;
    this.#concurrency = concurrency;
  }

  ask(asks: readonly Ask[]): void {
    for (const ask of asks) {
      const id = idOf(ask);
      if (this.#running.has(id)) continue;
      const lane = this.#unanswered.get(id)?.timedOut ? this.#waiting.slow : this.#waiting.quick;
      lane.add(id, ask);
    }
    this.#pump();
  }

  /** Nothing is dialled before: an identity that is about to arrive must not look like an agent that is away. */
  open(): void {
    this.#open = true;
    this.#pump();
  }

  /** Forgets what waits for a card; what is under way ends by itself and its finding is dropped by the caller. */
  forget(card: Key): void {
    for (const lane of Object.values(this.#waiting)) lane.remove((ask) => ask.card === card);
    for (const id of this.#unanswered.keys()) if (id.startsWith(`${card} `)) this.#unanswered.delete(id);
  }

  get waiting(): number {
    return this.#waiting.quick.size + this.#waiting.slow.size;
  }

  get running(): number {
    return this.#running.size;
  }

  stop(): void {
    for (const lane of Object.values(this.#waiting)) lane.remove(() => true);
    this.#stop.abort();
  }

  #pump(): void {
    const slowPlaces = Math.max(1, Math.floor(this.#concurrency / slowShare));
    let slowRunning = [...this.#running.values()].filter((lane) => lane === 'slow').length;
    while (this.#open && !this.#stop.signal.aborted && this.#running.size < this.#concurrency) {
      const lane = this.#waiting.slow.size > 0 && slowRunning < slowPlaces ? 'slow' : 'quick';
      const next = this.#waiting[lane].take();
      if (next === undefined) return;
      const [id, ask] = next;
      this.#running.set(id, lane);
      if (lane === 'slow') slowRunning += 1;
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
    const before = this.#unanswered.get(id);
    const known = before?.version === ask.endpoint.version ? before.facts : undefined;
    const read = await this.#read(ask, known);
    if (read === undefined || 'kind' in read) return read;
    const signed = ask.transport === 'mtls' ? undefined : await this.#edges.signedCard(ask);
    if (signed !== undefined) return this.#fromConfigMap(ask, read, signed);
    const heard = await this.#firstAnswer(ask);
    const { outcome } = heard;
    if (isSilent(outcome)) {
      if (this.#unanswered.size >= rememberedPods) this.#unanswered.clear();
      this.#unanswered.set(id, { version: ask.endpoint.version, facts: read, timedOut: outcome.code === 'Timeout' });
      return this.#finding(ask, read, heard);
    }
    this.#unanswered.delete(id);
    // What speaks after a silence may be another container.
    const now = known === undefined ? read : await this.#read(ask);
    return now === undefined || 'kind' in now ? now : this.#finding(ask, now, heard);
  }

  #finding(ask: Ask, facts: PodFacts, heard: Heard): Promise<Finding> {
    return findingFrom(heard, facts, this.#edges.now(), (body) => this.#edges.receive(ask, ask.transport, body));
  }

  /** The pod's facts; or that it belongs elsewhere; or nothing, when it is gone or moved. */
  async #read({ endpoint, workload }: Ask, known?: PodFacts): Promise<PodFacts | Finding | undefined> {
    const { podName: name, podUid: uid } = endpoint;
    const place = { namespace: workload.namespace, name, uid, workloadUid: workload.uid };
    const facts = await this.#edges.pods.facts(place, known);
    if (facts === undefined) return undefined;
    const owner = `${facts.owner.kind} ${facts.owner.name}`;
    if (!belongsTo(facts, workload)) return { kind: 'stranger', owner, at: this.#edges.now() };
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

function idOf(ask: Ask): string {
  return `${ask.card} ${ask.endpoint.podUid}`;
}
