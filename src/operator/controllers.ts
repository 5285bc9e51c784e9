import type { KubeClient } from '@agentcard-operator/kube';
import { keyOf } from '@agentcard-operator/kube/objects';
import type { Logger, Metrics } from '@agentcard-operator/kube/runtime';
import { Controller, LOW_PRIORITY, WorkQueue } from '@agentcard-operator/kube/runtime';
import { type Bequests, connectDiscovery, discover } from './discover/discover.ts';
import { sweep } from './discover/sweep.ts';
import type { Caches } from './watch/caches.ts';
import { cardsClaiming } from './watch/triggers.ts';

interface Watched {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Name, bound and metrics of a controller. */
export function measured(name: string, workers: number, { log, metrics }: Watched) {
  const { controller: telemetry, queue } = metrics.controller(name, workers);
  return { name, workers, log, telemetry, queue: new WorkQueue({ telemetry: queue }) };
}

/** Takes the label off pods that no card accounts for. */
export function sweepController(platform: Watched, caches: Caches, onStripped: () => void): Controller {
  const { client, log } = platform;
  return new Controller({
    ...measured('sweep', 2, platform),
    reconcile: async ({ key }) => {
      await sweep(key, {
        client,
        labelled: (pod) => caches.labelledPods.get(pod),
        isClaimed: (pod) => cardsClaiming(caches, pod).length > 0,
        onStripped: (pod) => {
          onStripped();
          log.warn('the verified label was taken off a pod without a card', { pod: keyOf(pod) });
        },
      });
      return undefined;
    },
  });
}

/** Gives labelled workloads their AgentCards. */
export function discoverController(platform: Watched, caches: Caches): Controller {
  const { client } = platform;
  const bequests: Bequests = new Map();
  const controller = new Controller({
    ...measured('discover', 4, platform),
    reconcile: async ({ key }) => {
      await discover(key, { client, caches, bequests });
      return undefined;
    },
  });
  connectDiscovery(caches, bequests, (key) => controller.add(key, { priority: LOW_PRIORITY }));
  return controller;
}
