import { refreshAnnotation } from './api/labels.ts';
import type { Config } from './config.ts';
import { connectDiscovery, discover } from './discover/discover.ts';
import type { Dialler } from './evidence/dialler.ts';
import { FleetBrake } from './evidence/fleet.ts';
import { createDialler } from './evidence/inquiry.ts';
import { Ledger } from './evidence/ledger.ts';
import { fetchMetrics } from './evidence/metrics.ts';
import type { SignatureRules } from './evidence/receive.ts';
import { recheck } from './evidence/recheck.ts';
import { signedCardReader } from './evidence/signed-card.ts';
import type { KubeClient } from './kube/client.ts';
import { type Key, type KubeObject, keyOf, resources, typeOf } from './kube/objects.ts';
import { type Caches, createCaches } from './reconcile/caches.ts';
import { apiServerService, observe } from './reconcile/observe.ts';
import { followQuarantineList } from './reconcile/quarantine-list.ts';
import { type Edges, reconcile } from './reconcile/reconcile.ts';
import type { CachedCard } from './reconcile/snapshot.ts';
import { cardsClaiming, connect } from './reconcile/triggers.ts';
import { Controller } from './runtime/controller.ts';
import type { Logger } from './runtime/log.ts';
import type { Metrics } from './runtime/metrics.ts';
import { LOW_PRIORITY, WorkQueue } from './runtime/queue.ts';
import { type Settings, settingsFrom } from './settings.ts';
import type { IdentitySource } from './spiffe/identity.ts';
import { type StatusMetrics, statusMetrics } from './status/metrics.ts';
import type { Note } from './status/transitions.ts';
import { sweep } from './sweep/sweep.ts';

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
  /** The resource version that our last status write brought, by card. */
  readonly ownWrites: Map<Key, string | undefined>;
  readonly signatures: () => SignatureRules | undefined;
  readonly addCard: (key: Key, options?: { priority?: number; afterMs?: number }) => void;
}

const operatorPodLabels = { 'app.kubernetes.io/name': 'agentcard-operator' };
const unreadRetryMs = 2_000;

/** Joins caches, ledger, dialler and controllers; starts nothing. */
export function assemble(config: Config, platform: Platform): Operator {
  const { client, identity } = platform;
  const settings = settingsFrom(config);
  const infrastructure = [apiServerService, ...config.dnsService].map((key) => key.split('/', 1)[0] ?? '');
  const { namespaces, podNamespace: ownNamespace } = config;
  const scope = { namespaces, infrastructure, signatures: settings.signature, ownNamespace };
  const brake = new FleetBrake({ maxDistrust: config.maxDistrust, maxHoldMs: config.maxHold });
  const caches = createCaches(client, scope, platform.metrics.informer);
  const metrics = statusMetrics(platform.metrics.registry, {
    cards: () => caches.cards.values(),
    silent: () => brake.lacking,
    brakeEngaged: () => brake.heldUntil(caches.cards.size, platform.now()) !== undefined,
  });
  const addCard: Parts['addCard'] = (key, options) => cards.add(key, options);
  const parts: Parts = {
    config,
    settings,
    platform,
    ledger: new Ledger(),
    brake,
    caches,
    metrics,
    quarantineList: quarantineList(caches, platform, metrics, addCard),
    ownWrites: new Map(),
    signatures: () =>
      settings.signature ? { forms: config.signatureForms, bundles: identity.current().bundles } : undefined,
    addCard,
  };
  const dialler = diallerOf(parts);
  const edges = edgesOf(parts, dialler);
  const cards = new Controller({
    ...observed('agentcard', config.concurrency, platform),
    reconcile: ({ key }) => reconcile(key, settings, edges),
  });
  const strays = sweepController(parts);
  const workloads = discoverController(parts);
  connectAll(parts, strays);
  connectDiscovery(parts.caches, (key) => workloads.add(key, { priority: LOW_PRIORITY }));
  return { caches: parts.caches, controllers: [cards, strays, workloads], dialler };
}

/** A malformed list is told once per version, as an Event of the ConfigMap. */
function quarantineList(caches: Caches, { record, log }: Platform, metrics: StatusMetrics, addCard: Parts['addCard']) {
  return followQuarantineList(caches, {
    addCard: (key, background) => addCard(key, background ? { priority: LOW_PRIORITY } : {}),
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
    labelledPod: (key) => caches.labelledPods.get(key),
    signedCard: signedCardReader(client, caches.signedCards),
    observe: (transport, finding, seconds) => {
      observeFetch(transport, finding, seconds);
      metrics.learned(finding);
    },
    onFinding: (ask, finding) => {
      if (caches.cards.get(ask.card) === undefined) return;
      ledger.record(ask, finding);
      addCard(ask.card);
    },
    onNothing: (ask) => {
      if (caches.cards.get(ask.card) === undefined) return;
      ledger.recordNothing(ask);
      addCard(ask.card, { afterMs: unreadRetryMs });
    },
  });
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
      platform.record({ ...card, ...typeOf(resources.agentCards) }, note);
    },
    snapshot: (key) => {
      const fleetHeldUntil = brake.heldUntil(caches.cards.size, now());
      return observe(key, { caches, ledger, place, fleetHeldUntil, quarantineList: parts.quarantineList() });
    },
    observePolicy: (policy) => caches.policies.observe(policy),
    ask: (asks) => dialler.ask(asks),
    observe: (card) => {
      ownWrites.set(keyOf(card), card.metadata.resourceVersion);
      caches.cards.observe(card as CachedCard);
    },
    tidy: ({ card, standing, silent }, { replaced, unmarked }) => {
      const key = keyOf(card);
      metrics.stripped('unproven', unmarked);
      brake.note(key, silent);
      ledger.keepOnly(key, standing, card.status?.conditions !== undefined);
      for (const podUid of replaced) ledger.discard(key, podUid);
      ledger.honourRefresh(key, card.metadata.annotations?.[refreshAnnotation]);
    },
    forget: (key) => {
      ledger.forget(key);
      brake.note(key, false);
      dialler.forget(key);
      ownWrites.delete(key);
    },
  };
}

function observed(name: string, workers: number, { log, metrics }: Platform) {
  const { controller: observer, queue } = metrics.controller(name, workers);
  return { name, workers, log, observer, queue: new WorkQueue({ observer: queue }) };
}

function sweepController({ platform, caches, metrics }: Parts): Controller {
  const { client, log } = platform;
  return new Controller({
    ...observed('sweep', 2, platform),
    reconcile: async ({ key }) => {
      await sweep(key, {
        client,
        labelled: (pod) => caches.labelledPods.get(pod),
        isClaimed: (pod) => cardsClaiming(caches, pod).length > 0,
        onStripped: (pod) => {
          metrics.stripped('stray', 1);
          log.warn('the verified label was taken off a pod without a card', { pod: keyOf(pod) });
        },
      });
      return undefined;
    },
  });
}

function discoverController({ platform, caches }: Parts): Controller {
  const { client } = platform;
  return new Controller({
    ...observed('discover', 4, platform),
    reconcile: async ({ key }) => {
      await discover(key, { client, caches });
      return undefined;
    },
  });
}

function connectAll(
  { config, platform, ledger, caches, ownWrites, signatures, addCard }: Parts,
  strays: Controller,
): void {
  const background = { priority: LOW_PRIORITY };
  connect(caches, config.dnsService, {
    addCard: (key, isBackground) => addCard(key, isBackground ? background : {}),
    addStray: (key) => strays.add(key),
    isOwnWrite: (card) => ownWrites.get(keyOf(card)) === card.metadata.resourceVersion,
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
