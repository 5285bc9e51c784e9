/** Two replicas of the operator behind a proxy that breaks things; one that ends is started again, as a kubelet would. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processFigures, total } from '../bench/metrics.ts';
import { type RunningOperator, startOperator } from '../bench/operator.ts';
import type { Parameters } from '../bench/parameters.ts';
import { run } from '../cluster/command.ts';

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
const logDiskMiB = 8;

export class Replicas {
  readonly #place: Place;
  readonly #replicas: Replica[] = [];
  #stopped = false;

  private constructor(place: Place) {
    this.#place = place;
  }

  static async start(place: Place): Promise<Replicas> {
    const replicas = new Replicas(place);
    await mkdir(replicas.#logDisk);
    await run('mount', ['-t', 'tmpfs', '-o', `size=${logDiskMiB}m`, 'logs', replicas.#logDisk]);
    await writeFile(replicas.#clock, '0');
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
    // The disk ends with these namespaces.
    await cp(this.#logDisk, this.#place.logs, { recursive: true });
    await run('umount', [this.#logDisk]);
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

  /** Questions to agents that stayed unanswered, of all that run. */
  async silences(): Promise<number> {
    const said = await Promise.all(this.#replicas.map(({ running }) => running.metrics()));
    return said.reduce((all, text = '') => all + total(text, 'agentcard_fetches_total', { outcome: 'silence' }), 0);
  }

  /** Sets their clocks so far ahead of the machine's. */
  async setClock(aheadMs: number): Promise<void> {
    await writeFile(this.#clock, String(aheadMs));
    for (const { running } of this.#replicas) if (running.daemon.alive()) process.kill(running.daemon.pid, 'SIGWINCH');
  }

  /** Nothing more can be logged until the disk is freed. */
  async fillLogDisk(): Promise<void> {
    await run('dd', ['if=/dev/zero', `of=${this.#ballast}`, 'bs=4k']).catch(() => {});
  }

  freeLogDisk(): Promise<void> {
    return rm(this.#ballast);
  }

  async memoryMiB(): Promise<number> {
    const all = this.#replicas.map(({ running }) => processFigures(running.daemon.pid).catch(() => undefined));
    return Math.max(...(await Promise.all(all)).map((figures) => figures?.rssMiB ?? 0));
  }

  get #logDisk(): string {
    return join(this.#place.logs, 'operators');
  }

  get #ballast(): string {
    return join(this.#logDisk, 'ballast');
  }

  get #clock(): string {
    return join(this.#place.logs, 'clock');
  }

  #launch(name: string, metricsPort: number): Promise<RunningOperator> {
    const { parameters, server, workloadApi } = this.#place;
    const env = { CLOCK_FILE: this.#clock };
    const nodeFlags = ['--import', join(import.meta.dirname, './clock.ts')];
    const started = { name, server, workloadApi, metricsPort, logs: this.#logDisk, nodeFlags, env };
    return startOperator(parameters, { ...started, flags: ['--leader-elect=true'] });
  }

  async #keepAlive(replica: Replica): Promise<void> {
    while (!this.#stopped) {
      await replica.running.daemon.ended;
      await sleep(restartAfterMs);
      if (!this.#stopped) replica.running = await this.#launch(replica.name, replica.port);
    }
  }
}
