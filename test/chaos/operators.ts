/** Two replicas of the operator behind a proxy that breaks things; one that ends is started again, as a kubelet would. */
import { setTimeout as sleep } from 'node:timers/promises';
import { processFigures, total } from '../bench/metrics.ts';
import { type RunningOperator, startOperator } from '../bench/operator.ts';
import type { Parameters } from '../bench/parameters.ts';

export interface Place {
  readonly parameters: Parameters;
  readonly server: string;
  readonly workloadApi: string;
  readonly logs: string;
}

interface Replica {
  readonly name: string;
  readonly port: number;
  running: RunningOperator;
}

const restartAfterMs = 1_000;

export class Replicas {
  readonly #place: Place;
  readonly #replicas: Replica[] = [];
  #stopped = false;

  private constructor(place: Place) {
    this.#place = place;
  }

  static async start(place: Place): Promise<Replicas> {
    const replicas = new Replicas(place);
    for (const [name, port] of [
      ['operator-a', 18_080],
      ['operator-b', 18_090],
    ] as const) {
      const running = await replicas.#launch(name, port);
      const replica = { name, port, running };
      replicas.#replicas.push(replica);
      void replicas.#keepAlive(replica);
    }
    return replicas;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#replicas.map(({ running }) => running.daemon.kill()));
  }

  /** The one that leads; undefined while none does. */
  async leader(): Promise<RunningOperator | undefined> {
    for (const { running } of this.#replicas) {
      const said = await running.metrics();
      if (said !== undefined && total(said, 'leader_election_master_status') === 1) return running;
    }
    return undefined;
  }

  /** Keys that wait in the leader's queue. */
  async depth(): Promise<number> {
    const said = await (await this.leader())?.metrics();
    return said === undefined ? Number.NaN : total(said, 'workqueue_depth', { controller: 'agentcard' });
  }

  async memoryMiB(): Promise<number> {
    const all = this.#replicas.map(({ running }) => processFigures(running.daemon.pid).catch(() => undefined));
    return Math.max(...(await Promise.all(all)).map((figures) => figures?.rssMiB ?? 0));
  }

  #launch(name: string, metricsPort: number): Promise<RunningOperator> {
    const { parameters, server, workloadApi, logs } = this.#place;
    const flags = ['--leader-elect=true'];
    return startOperator(parameters, { name, server, workloadApi, logs, metricsPort, flags });
  }

  async #keepAlive(replica: Replica): Promise<void> {
    while (!this.#stopped) {
      await replica.running.daemon.ended;
      await sleep(restartAfterMs);
      if (!this.#stopped) replica.running = await this.#launch(replica.name, replica.port);
    }
  }
}
