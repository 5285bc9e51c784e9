import { splitKey } from '@agentcard-operator/kube/objects';
import { type Logger, type Metrics, WorkQueue } from '@agentcard-operator/kube/runtime';

export interface Measured {
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Name, bound and metrics of a controller, whose keys begin with a namespace: namespaces take turns. */
export function measured(name: string, workers: number, { log, metrics }: Measured) {
  const { controller: telemetry, queue } = metrics.controller(name, workers);
  const shareOf = (key: string) => splitKey(key).namespace ?? '';
  return { name, workers, log, telemetry, queue: new WorkQueue({ telemetry: queue, shareOf }) };
}
