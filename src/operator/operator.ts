import { KnownChains } from '@agentcard-operator/agentcard';
import { resources, typeOf } from '@agentcard-operator/kube/objects';
import { type AddOptions, Controller } from '@agentcard-operator/kube/runtime';
import { customResources } from './api/resources.ts';
import { discoverController } from './discover/discover.ts';
import { sweepController } from './discover/sweep.ts';
import type { Asking } from './inquiry/asking/asker.ts';
import { culpritNote } from './inquiry/asking/suspicion.ts';
import { brakeNote } from './inquiry/brake.ts';
import { Inquiry } from './inquiry/inquiry.ts';
import { statusMetrics } from './metrics/cards.ts';
import { measured } from './metrics/controllers.ts';
import { askerMetrics, fetchMetrics } from './metrics/fetches.ts';
import type { Platform } from './platform.ts';
import { storyEdges } from './reconcile/edges.ts';
import { reconcile } from './reconcile/reconcile.ts';
import type { Config } from './settings/config.ts';
import { settingsFrom } from './settings/settings.ts';
import { type Caches, createCaches } from './watch/caches.ts';
import { followProbes } from './watch/network-probes.ts';
import { OwnWrites } from './watch/own-writes.ts';
import { followListed, followQuarantineList } from './watch/quarantine-list.ts';
import { connect } from './watch/triggers/triggers.ts';

const rememberedChains = 4_096;

/** Joins what the cluster says, what agents say, and the story between them; starts nothing. */
export function assemble(config: Config, platform: Platform) {
  const { client, log, now, record, identity } = platform;
  const settings = settingsFrom(config);
  const caches = createCaches(client, config, (resource) => platform.metrics.informer(resource, log));
  const wake = (card: string, when?: AddOptions) => cards.add(card, when);
  const measureFetch = fetchMetrics(platform.metrics.registry);
  const asker = joinAsker(platform, caches);
  const inquiry = new Inquiry({
    ...{ config, client, log, now, identity, asker, caches, wake },
    knownChains: new KnownChains(rememberedChains),
    learned: (ask, finding, seconds) => {
      measureFetch(ask.transport, finding, seconds);
      metrics.learned(ask.transport, finding);
    },
    onBrake: (engaged) => tellBrake(engaged, config, platform),
  });
  const metrics = statusMetrics(platform.metrics.registry, {
    cards: () => caches.cards.values(),
    fleet: () => inquiry.fleet,
    network: () => network(),
    evidenceOf: (card) => inquiry.known(card).evidence,
    now,
  });
  const quarantineList = followQuarantineList(caches, { wake, record, log, malformed: metrics.quarantineList });
  const network = followProbes(caches, { wake, now, holdMs: config.evidenceTtl });
  const ownWrites = new OwnWrites();
  const listedBefore = followListed(caches, quarantineList);
  const followed = { quarantineList, listedBefore, network };
  const edges = storyEdges({ client, now, record, caches, config, ownWrites, inquiry, metrics, ...followed });
  const cards = new Controller({
    ...measured('agentcard', config.concurrency, platform),
    reconcile: ({ key }) => reconcile(key, settings, edges),
  });
  const strays = sweepController(platform, caches, { onStripped: () => metrics.stripped('stray', 1), wake });
  connect(caches, config.dnsService, { wake, addStray: (key) => strays.add(key), ownWrites });
  identity.onChange((after, before) => inquiry.identityChanged(after, before));
  return { caches, controllers: [cards, strays, discoverController(platform, caches, followed)], inquiry };
}

/** The process that asks, and what is told when it ends. */
function joinAsker({ asker, log, metrics, record }: Platform, { cards }: Pick<Caches, 'cards'>): Asking {
  const measureCrash = askerMetrics(metrics.registry);
  return asker({
    onCrash: (lane, { cause, detail }) => {
      measureCrash(lane, cause);
      log.warn('the process that asks agents ended', { lane, cause, detail });
    },
    onCulprit: ({ card: key }) => {
      const card = cards.get(key);
      if (card !== undefined) record({ regarding: { ...card, ...typeOf(customResources.agentCards) }, ...culpritNote });
    },
  });
}

/** As an Event of our own pod. */
function tellBrake(engaged: boolean, { podName: name, podNamespace: namespace }: Config, { log, record }: Platform) {
  log.warn('the fleet brake changed', { engaged });
  const regarding = { ...typeOf(resources.pods), metadata: { name, namespace } };
  if (name !== '') record({ regarding, ...brakeNote(engaged) });
}
