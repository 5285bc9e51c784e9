/** What must hold all along, whatever happens; watched at the API server, past the proxy. */

import type { KubeClient } from '../../src/kube/client/client.ts';
import { keyOf, type Pod, resources } from '../../src/kube/objects.ts';
import { Informer } from '../../src/kube/watch/informer.ts';
import { verifiedLabel } from '../../src/operator/api/labels.ts';
import { CardWatch } from '../bench/observer.ts';
import type { Part } from '../bench/parameters.ts';
import type { Member } from '../bench/population.ts';

/** After this time guilt may not be held and no label may be worn for it. */
const guiltMs = 30_000;

interface Actor {
  readonly member: Member;
  part: Part;
  /** When it took that part. */
  since: number;
  /** It proved itself once: absence must not cost it anything. */
  proven: boolean;
}

export class Invariants {
  /** What was broken, once each. */
  readonly violations = new Set<string>();
  readonly #actors = new Map<string, Actor>();
  readonly #cards: CardWatch;
  /** What each agent published before all of them changed their cards. */
  readonly #outdated = new Map<string, string>();
  readonly #pods: Informer<Pod>;
  readonly #stop = new AbortController();

  private constructor(cards: CardWatch, client: KubeClient, members: readonly Member[]) {
    this.#cards = cards;
    for (const member of members) {
      this.#actors.set(nameOf(member), { member, part: member.part, since: Date.now(), proven: false });
    }
    const labelSelector = `${verifiedLabel}=true`;
    this.#pods = new Informer<Pod>({ client, resource: resources.pods, labelSelector });
    this.#pods.onEvent({ add: (pod) => this.#labelled(pod), remove: (pod) => this.#unlabelled(pod) });
  }

  static async watch(client: KubeClient, members: readonly Member[]): Promise<Invariants> {
    const invariants = new Invariants(await CardWatch.open(client), client, members);
    void invariants.#pods.start(invariants.#stop.signal);
    await invariants.#pods.synced;
    return invariants;
  }

  close(): void {
    this.#stop.abort();
    this.#cards.close();
  }

  play(members: readonly Member[], part: Part): void {
    for (const member of members) {
      const actor = this.#actors.get(nameOf(member));
      if (actor === undefined || actor.part === part) continue;
      actor.part = part;
      actor.since = Date.now();
    }
  }

  /** From now on every agent that answers has another card to publish. */
  outdate(): void {
    for (const key of this.#actors.keys()) {
      const cardId = this.#cards.cardId(key);
      if (cardId !== undefined) this.#outdated.set(key, cardId);
    }
  }

  /** Looks at every card; called a few times a second. */
  check(): void {
    for (const [key, actor] of this.#actors) {
      const verified = this.#cards.says(key, 'Verified');
      const guilty = actor.part === 'lying' && Date.now() - actor.since > guiltMs;
      if (verified.startsWith('True') && actor.part !== 'lying') actor.proven = true;
      if (guilty && verified.startsWith('True')) this.#broken(`guilt is held: ${key} says ${verified}`);
      const innocent = actor.proven && actor.part !== 'lying' && Date.now() - actor.since > guiltMs;
      if (innocent && verified.startsWith('False')) this.#broken(`absence costs trust: ${key} says ${verified}`);
    }
    for (const pod of this.#pods.values()) {
      const actor = this.#actorOf(pod);
      const guilty = actor?.part === 'lying' && Date.now() - actor.since > guiltMs;
      if (guilty) this.#broken(`a liar wears the label: ${keyOf(pod)}`);
    }
  }

  /** Everyone that answers is Ready and labelled, every liar is refused; else who is not. */
  unsettled(): readonly string[] {
    const labelled = new Set([...this.#pods.values()].map((pod) => pod.metadata.labels?.app));
    return [...this.#actors].flatMap(([key, { member, part }]) => {
      const [ready, label] = [this.#cards.says(key, 'Ready'), labelled.has(member.name)];
      if (part === 'lying') return ready === 'False IdentityMismatch' && !label ? [] : [`${key} ${ready} ${label}`];
      if (part === 'good' || part === 'slow') {
        const isNew = this.#outdated.get(key) !== this.#cards.cardId(key);
        return ready === 'True ReadyToServe' && label && isNew ? [] : [`${key} ${ready} ${label} ${isNew}`];
      }
      return ready === 'False FetchFailed' ? [] : [`${key} ${ready}`];
    });
  }

  #actorOf(pod: Pod): Actor | undefined {
    return this.#actors.get(`${pod.metadata.namespace}/${pod.metadata.labels?.app}`);
  }

  #labelled(pod: Pod): void {
    const actor = this.#actorOf(pod);
    if (actor !== undefined && !actor.proven && actor.part !== 'good' && actor.part !== 'slow') {
      this.#broken(`a label without evidence: ${keyOf(pod)}`);
    }
  }

  #unlabelled(pod: Pod): void {
    const actor = this.#actorOf(pod);
    const wasGuilty = actor !== undefined && Date.now() - actor.since < guiltMs;
    if (actor?.part !== 'lying' && !wasGuilty) this.#broken(`a label was taken for absence: ${keyOf(pod)}`);
  }

  #broken(what: string): void {
    this.violations.add(what);
  }
}

const nameOf = ({ namespace, name }: Member) => `${namespace}/${name}`;
