import { once } from 'node:events';
import type { KnownChains } from '@agentcard-operator/agentcard';
import { type Key, keyOf } from '@agentcard-operator/kube/objects';
import { type AddOptions, type Logger, lowPriority } from '@agentcard-operator/kube/runtime';
import type { IdentitySnapshot, IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import { isVerified } from '../api/conditions.ts';
import { asksWorkloadApi } from '../settings/config.ts';
import type { CachedCard } from '../watch/cached.ts';
import type { Caches } from '../watch/caches.ts';
import { objectOf } from '../watch/lookups.ts';
import type { Workload } from '../workload/workload.ts';
import { type Ask, turnAfter } from './agenda.ts';
import type { Asking } from './asking/asker.ts';
import { FleetBrake } from './brake.ts';
import type { Dialler } from './dial/dialler.ts';
import { createDialler, type DiallerParts } from './dial/dialler-edges.ts';
import { signedCardReader } from './dial/signed-card.ts';
import { type CardEvidence, type Finding, forgetText, isLost, type ReceivedCard } from './evidence.ts';
import { Ledger } from './ledger.ts';
import type { SignatureRules } from './receive.ts';
import { recheck } from './recheck.ts';

export interface InquiryParts extends Pick<DiallerParts, 'config' | 'client' | 'now'> {
  readonly log: Logger;
  /** For metrics. */
  readonly learned: (ask: Ask, finding: Finding, seconds: number) => void;
  readonly identity: IdentitySource;
  readonly asker: Asking;
  readonly caches: Pick<Caches, 'cards' | 'labelledPods' | 'replicaSets' | 'signedCards' | 'workloads'>;
  readonly knownChains: KnownChains;
  readonly onBrake: (engaged: boolean) => void;
  /** Something follows for a card, now or after a while. */
  readonly wake: (card: Key, when?: AddOptions) => void;
}

/** What is known of a card's pods. */
export interface Knowledge {
  readonly evidence: CardEvidence;
  /** While the fleet brake holds: until when nobody loses trust for absence. */
  readonly fleetHeldUntil: number | undefined;
  /** When the first question could be put; undefined until then. */
  readonly openedAt: number | undefined;
}

/** What one look at a card found still true. */
export interface Seen {
  readonly card: CachedCard;
  /** The pods behind it. */
  readonly standing: ReadonlySet<string>;
  /** No pod answers: what the fleet brake counts. */
  readonly silent: boolean;
  /** Pods that run other containers than those that proved themselves. */
  readonly replaced: readonly string[];
}

const background = { priority: lowPriority };
/** How long nothing is dialled while our own identity is on its way. */
const identityPatienceMs = 10_000;

/** What agents say: puts questions to their pods, away from the reconcile, and keeps what they answered. */
export class Inquiry {
  readonly #parts: InquiryParts;
  readonly #ledger = new Ledger();
  readonly #brake: FleetBrake;
  readonly #dialler: Dialler;

  constructor(parts: InquiryParts) {
    this.#parts = parts;
    const { maxDistrust, maxHold: maxHoldMs } = parts.config;
    this.#brake = new FleetBrake({ maxDistrust, maxHoldMs, onChange: parts.onBrake });
    this.#dialler = this.#createDialler();
    const trust = (card: CachedCard) => {
      this.#brake.trust(keyOf(card), isVerified(card.status));
      this.#ledger.forgetTexts(keyOf(card), card.publishedHash);
    };
    const remove = (card: CachedCard) => this.#brake.trust(keyOf(card), false);
    parts.caches.cards.onEvent({ add: trust, update: (_, card) => trust(card), remove });
  }

  /** Puts questions, but for those that were answered `since` they were decided on. */
  ask(asks: readonly Ask[], since: number): void {
    const now = this.#parts.now();
    for (const { refreshes, card, cadence } of asks) if (refreshes) this.#ledger.honourRefresh(card, cadence.refresh);
    this.#dialler.ask(asks.filter((ask) => !this.#ledger.heardBetween(ask, since, now)));
  }

  known(card: Key): Knowledge {
    return { evidence: this.#ledger.of(card), fleetHeldUntil: this.fleet.heldUntil, openedAt: this.#dialler.openedAt };
  }

  keep({ card, standing, silent, replaced }: Seen): void {
    const key = keyOf(card);
    this.#brake.note(key, silent);
    this.#ledger.keepOnly(key, standing, card.status?.conditions !== undefined);
    this.#dialler.keepOnly(key, standing);
    for (const podUid of replaced) this.#ledger.discard(key, podUid);
  }

  forget(card: Key): void {
    this.#ledger.forget(card);
    this.#brake.note(card, false);
    this.#dialler.forget(card);
  }

  /** Another bundle: all evidence is held against it, offline. Another, or our own identity back: who was silent is due at once. */
  identityChanged(after: IdentitySnapshot, before: IdentitySnapshot): void {
    const { caches, log, now, wake } = this.#parts;
    const { state, lastError } = after;
    const trustDomains = [...after.bundles.keys()];
    if (after.epoch === before.epoch) log.warn('the Workload API has a problem', { state, problem: lastError });
    else log.info('the identity changed', { state, id: after.svid?.id.uri, trustDomains });
    for (const [trustDomain, { skipped, digest }] of after.bundles) {
      const isNews = skipped !== undefined && digest !== before.bundles.get(trustDomain)?.digest;
      if (isNews) log.warn('certificates of a trust bundle vouch for nobody', { trustDomain, skipped });
    }
    const bundles = after.bundleEpoch !== before.bundleEpoch;
    const back = after.state === 'ready' && before.state !== 'ready';
    const look = { bundles: after.bundles, signatures: this.#signatures(), now: now() };
    if (bundles) this.#ledger.revise((pod) => recheck(pod, look));
    if (!bundles && !back) return;
    this.#ledger.hurry();
    for (const card of caches.cards.values()) wake(keyOf(card), background);
  }

  /** How the whole fleet is doing. */
  get fleet() {
    const { now } = this.#parts;
    return { silent: this.#brake.lacking, heldUntil: this.#brake.heldUntil(now()) };
  }

  /** Until the signal. Waits a while for our own identity, if one is to come, lest its coming look like agents that are away. */
  async run(signal: AbortSignal): Promise<void> {
    const { asker, config, identity } = this.#parts;
    const asking = asker.run(signal);
    const patience = AbortSignal.any([signal, AbortSignal.timeout(identityPatienceMs)]);
    if (asksWorkloadApi(config)) await identity.ready(patience).catch(() => {});
    this.#dialler.open();
    if (!signal.aborted) await once(signal, 'abort');
    this.#dialler.stop();
    await asking;
  }

  #signatures(): SignatureRules | undefined {
    const { config, identity, knownChains } = this.#parts;
    if (!config.enableSignatureVerification) return undefined;
    return { forms: config.signatureForms, bundles: identity.current().bundles, knownChains };
  }

  /** With what is published of it, where the status does not show that. */
  #knownCard({ card, endpoint }: Ask): ReceivedCard | undefined {
    const answer = this.#ledger.of(card).pods.get(endpoint.podUid)?.answer;
    if (answer?.kind !== 'card') return undefined;
    return isLost(answer.card.published, this.#publishedHash(card)) ? undefined : answer.card;
  }

  #forgetText({ card }: Ask, finding: Finding): void {
    if (finding.kind !== 'answer' || finding.answer.kind !== 'card') return;
    forgetText(finding.answer.card, this.#publishedHash(card));
  }

  #publishedHash(card: Key): string | undefined {
    return this.#parts.caches.cards.get(card)?.publishedHash;
  }

  *#unasked({ card, workload: { namespace } }: Ask): Generator<Workload> {
    const { caches } = this.#parts;
    if (!this.#ledger.isEmpty(card)) return;
    for (const each of caches.cards.byIndex('namespace', namespace)) {
      // Pods of a verified one wear the label, and are watched.
      if (isVerified(each.status) || !this.#ledger.isEmpty(keyOf(each))) continue;
      const workload = each.spec.targetRef && objectOf(caches, namespace, each.spec.targetRef)?.workload;
      if (workload !== undefined) yield workload;
    }
  }

  #createDialler(): Dialler {
    const { asker, caches, client, config, identity, log, now, wake } = this.#parts;
    const isGone = ({ card }: Ask) => caches.cards.get(card) === undefined;
    return createDialler({
      ...{ asker, config, client, now },
      identity: () => identity.current(),
      signatures: () => this.#signatures(),
      replicaSets: caches.replicaSets,
      unasked: (ask) => this.#unasked(ask),
      labelledPod: (key) => caches.labelledPods.get(key),
      signedCard: signedCardReader(client, caches.signedCards),
      knownCard: (ask) => this.#knownCard(ask),
      cardVersion: (key) => {
        const { uid, generation } = caches.cards.get(key)?.metadata ?? {};
        return `${uid} ${generation}`;
      },
      onFinding: (ask, finding, seconds) => {
        this.#parts.learned(ask, finding, seconds);
        log.debug('an agent was asked', { key: ask.card, pod: ask.endpoint.podName, finding: finding.kind });
        if (isGone(ask)) return;
        this.#forgetText(ask, finding);
        if (this.#ledger.record(ask, finding)) wake(ask.card);
        // Nothing follows from it but the next question.
        else wake(ask.card, { ...background, afterMs: Math.max(1, turnAfter(now(), ask.cadence) - now()) });
      },
      onNothing: (ask, error) => {
        const { podName: pod } = ask.endpoint;
        if (error !== undefined) log.warn('a pod could not be read', { key: ask.card, pod, error });
        if (isGone(ask)) return;
        this.#ledger.recordNothing(ask, now(), error !== undefined);
        wake(ask.card, background);
      },
      onVoid: (ask) => {
        if (isGone(ask)) return;
        this.#ledger.recordVoid(ask);
        wake(ask.card);
      },
    });
  }
}
