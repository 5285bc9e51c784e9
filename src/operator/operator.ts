import { KnownChains } from '@agentcard-operator/agentcard';
import type { KubeClient } from '@agentcard-operator/kube';
import { type Key, type KubeObject, keyOf, resources, typeOf } from '@agentcard-operator/kube/objects';
import type { Logger, Metrics } from '@agentcard-operator/kube/runtime';
import { Controller, LOW_PRIORITY } from '@agentcard-operator/kube/runtime';
import type { IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import { refreshAnnotation } from './api/labels.ts';
import { customResources } from './api/resources.ts';
import { releaseCard } from './cleanup/remains.ts';
import { discoverController, measured, sweepController } from './controllers.ts';
import { turnAfter } from './inquiry/agenda.ts';
import { FleetBrake } from './inquiry/brake.ts';
import type { Dialler } from './inquiry/dialler.ts';
import { createDialler } from './inquiry/inquiry.ts';
import { Ledger } from './inquiry/ledger.ts';
import type { SignatureRules } from './inquiry/receive.ts';
import { recheck } from './inquiry/recheck.ts';
import { signedCardReader } from './inquiry/signed-card.ts';
import { type StatusMetrics, statusMetrics } from './metrics/cards.ts';
import { fetchMetrics } from './metrics/fetches.ts';
import { apiServerService, observe } from './reconcile/observe.ts';
import { type Edges, reconcile } from './reconcile/reconcile.ts';
import type { Note } from './reconcile/transitions.ts';
import type { Config } from './settings/config.ts';
import { type Settings, settingsFrom } from './settings/settings.ts';
import type { CachedCard } from './watch/cached.ts';
import { type Caches, createCaches } from './watch/caches.ts';
import { OwnWrites } from './watch/own-writes.ts';
import { followQuarantineList } from './watch/quarantine-list.ts';
import { connect } from './watch/triggers.ts';

/** What the operator stands on; made by the composition root. */
export interface Platform {
  readonly client: KubeClient;
  readonly identity: IdentitySource;
  readonly log: Logger;
  readonly now: () => number;
  readonly record: (regarding: KubeObject, note: Note) => void;
  readonly metrics: Metrics;
}

export interface Operator {
  readonly caches: Caches;
  readonly controllers: readonly Controller[];
  readonly dialler: Dialler;
}

/** What the parts share. */
interface Parts {
  readonly config: Config;
  readonly settings: Settings;
  readonly platform: Platform;
  readonly ledger: Ledger;
  readonly brake: FleetBrake;
  readonly caches: Caches;
  readonly metrics: StatusMetrics;
  readonly quarantineList: ReturnType<typeof followQuarantineList>;
  readonly ownWrites: OwnWrites;
  readonly signatures: () => SignatureRules | undefined;
  readonly addCard: (key: Key, options?: { priority?: number; afterMs?: number }) => void;
}

const operatorPodLabels = { 'app.kubernetes.io/name': 'agentcard-operator' };
const background = { priority: LOW_PRIORITY };
const rememberedChains = 4_096;
const unreadRetryMs = 2_000;

/** Joins caches, ledger, dialler and controllers; starts nothing. */
export function assemble(config: Config, platform: Platform): Operator {
  const parts = partsOf(config, platform, (key, options) => cards.add(key, options));
  const dialler = diallerOf(parts);
  const edges = edgesOf(parts, dialler);
  const cards = new Controller({
    ...measured('agentcard', config.concurrency, platform),
    reconcile: ({ key }) => reconcile(key, parts.settings, edges),
  });
  const strays = sweepController(platform, parts.caches, () => parts.metrics.stripped('stray', 1));
  const workloads = discoverController(platform, parts.caches);
  connectAll(parts, strays);
  return { caches: parts.caches, controllers: [cards, strays, workloads], dialler };
}

function partsOf(config: Config, platform: Platform, addCard: Parts['addCard']): Parts {
  const settings = settingsFrom(config);
  const onChange = (engaged: boolean) => tellBrake(engaged, config, platform);
  const brake = new FleetBrake({ maxDistrust: config.maxDistrust, maxHoldMs: config.maxHold, onChange });
  const caches = createCaches(platform.client, scopeOf(config, settings), (resource) =>
    platform.metrics.informer(resource, platform.log),
  );
  const metrics = statusMetrics(platform.metrics.registry, {
    cards: () => caches.cards.values(),
    silent: () => brake.lacking,
    brakeEngaged: () => brake.heldUntil(caches.cards.size, platform.now()) !== undefined,
  });
  const knownChains = new KnownChains(rememberedChains);
  const bundles = () => platform.identity.current().bundles;
  return {
    config,
    settings,
    platform,
    ledger: new Ledger(),
    brake,
    caches,
    metrics,
    quarantineList: quarantineList(caches, platform, metrics, addCard),
    ownWrites: new OwnWrites(),
    signatures: () =>
      settings.signature ? { forms: config.signatureForms, bundles: bundles(), knownChains } : undefined,
    addCard,
  };
}

function scopeOf({ namespaces, dnsService, podNamespace: ownNamespace }: Config, { signature: signatures }: Settings) {
  const infrastructure = [apiServerService, ...dnsService].map((key) => key.split('/', 1)[0] ?? '');
  return { namespaces, infrastructure, signatures, ownNamespace };
}

/** As an Event of our own pod: no single card is to blame. */
function tellBrake(engaged: boolean, { podName: name, podNamespace: namespace }: Config, { log, record }: Platform) {
  const reason = engaged ? 'FleetBrakeEngaged' : 'FleetBrakeReleased';
  const note = engaged
    ? 'Too many agents fell silent at once: until most are back, none loses trust for it. Look at the network, SPIRE and the agents.'
    : 'Few enough agents are silent, or the longest hold is over: silence counts again for each agent by itself.';
  log.warn('the fleet brake changed', { engaged });
  const pod = { ...typeOf(resources.pods), metadata: { name, namespace } };
  if (name !== '') record(pod, { type: engaged ? 'Warning' : 'Normal', reason, action: 'HoldTrust', note });
}

/** A malformed list is told once per version, as an Event of the ConfigMap. */
function quarantineList(caches: Caches, { record, log }: Platform, metrics: StatusMetrics, addCard: Parts['addCard']) {
  return followQuarantineList(caches, {
    addCard: (key, isBackground) => addCard(key, isBackground ? background : {}),
    onGood: () => metrics.quarantineList(false),
    onMalformed: (list, problem) => {
      metrics.quarantineList(true);
      const note = `The list of quarantines cannot be read (${problem}): the last good one stays. Correct it.`;
      log.warn('the list of quarantines cannot be read', { reason: problem });
      const warning = { type: 'Warning', reason: 'QuarantineListMalformed', action: 'ReadQuarantineList' } as const;
      record({ ...list, ...typeOf(resources.configMaps) }, { ...warning, note });
    },
  });
}

function diallerOf({ config, platform, ledger, caches, metrics, signatures, addCard }: Parts): Dialler {
  const { client, identity, log, now } = platform;
  const observeFetch = fetchMetrics(platform.metrics.registry);
  return createDialler({
    config,
    client,
    log,
    now,
    signatures,
    identity: () => identity.current(),
    knownCard: ({ card, endpoint }) => {
      const answer = ledger.of(card).pods.get(endpoint.podUid)?.answer;
      return answer?.kind === 'card' ? answer.card : undefined;
    },
    cardVersion: (key) => specVersion(caches.cards.get(key)),
    labelledPod: (key) => caches.labelledPods.get(key),
    signedCard: signedCardReader(client, caches.signedCards),
    observe: (transport, finding, seconds) => {
      observeFetch(transport, finding, seconds);
      metrics.learned(transport, finding);
    },
    onFinding: (ask, finding) => {
      if (caches.cards.get(ask.card) === undefined) return;
      if (ledger.record(ask, finding)) addCard(ask.card);
      // Nothing follows from it but the next question.
      else addCard(ask.card, { ...background, afterMs: Math.max(1, turnAfter(now(), ask.cadence) - now()) });
    },
    onNothing: (ask) => {
      if (caches.cards.get(ask.card) === undefined) return;
      ledger.recordNothing(ask);
      addCard(ask.card, { afterMs: unreadRetryMs });
    },
    onVoid: (ask) => {
      if (caches.cards.get(ask.card) === undefined) return;
      ledger.recordVoid(ask);
      addCard(ask.card);
    },
  });
}

function specVersion(object: KubeObject | undefined): string {
  return `${object?.metadata.uid} ${object?.metadata.generation}`;
}

function edgesOf(parts: Parts, dialler: Dialler): Edges {
  const { config, platform, ledger, brake, caches, metrics, ownWrites } = parts;
  const { client, now } = platform;
  const place = { namespace: config.podNamespace, podLabels: operatorPodLabels, dnsServices: config.dnsService };
  return {
    client,
    now,
    record: (card, note) => {
      metrics.told(note.reason);
      platform.record({ ...card, ...typeOf(customResources.agentCards) }, note);
    },
    snapshot: (key) => {
      const fleetHeldUntil = brake.heldUntil(caches.cards.size, now());
      return observe(key, { caches, ledger, place, fleetHeldUntil, quarantineList: parts.quarantineList() });
    },
    takePolicy: (policy) => ownWrites.take(policy, caches.policies),
    takeMark: (pod) => ownWrites.note(pod),
    ask: (asks, since) => dialler.ask(asks.filter((ask) => !ledger.heardBetween(ask, since, now()))),
    takeCard: (card) => ownWrites.take(card as CachedCard, caches.cards),
    tidy: ({ card, standing, silent }, { replaced, unmarked }) => {
      const key = keyOf(card);
      metrics.stripped('unproven', unmarked);
      brake.note(key, silent);
      ledger.keepOnly(key, standing, card.status?.conditions !== undefined);
      for (const podUid of replaced) ledger.discard(key, podUid);
      ledger.honourRefresh(key, card.metadata.annotations?.[refreshAnnotation]);
    },
    forget: async (key) => {
      ledger.forget(key);
      brake.note(key, false);
      dialler.forget(key);
      await releaseCard(caches.cards.get(key), client);
    },
  };
}

function connectAll(
  { config, platform, ledger, caches, ownWrites, signatures, addCard }: Parts,
  strays: Controller,
): void {
  connect(caches, config.dnsService, {
    addCard: (key, isBackground) => addCard(key, isBackground ? background : {}),
    addStray: (key) => strays.add(key),
    ownWrites,
  });
  platform.identity.onChange((after, before) => {
    const { state, svid, lastError } = after;
    const id = svid?.id.uri;
    if (after.epoch !== before.epoch)
      platform.log.info('the identity changed', { state, id, trustDomains: [...after.bundles.keys()] });
    else platform.log.warn('the Workload API has a problem', { state, problem: lastError });
    const bundles = after.bundleEpoch !== before.bundleEpoch;
    const back = after.state === 'ready' && before.state !== 'ready';
    const look = { bundles: after.bundles, signatures: signatures(), now: platform.now() };
    if (bundles) ledger.revise((pod) => recheck(pod, look));
    if (!bundles && !back) return;
    ledger.hurry();
    for (const card of caches.cards.values()) addCard(keyOf(card), background);
  });
}
