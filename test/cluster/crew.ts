import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, type DaemonSpec, mustLive, startDaemon } from './daemon.ts';

const restartAfterMs = 500;

/** The processes of the node. While the node starts, the end of one is a failure; afterwards it is started again. */
export class Crew {
  readonly #daemons = new Map<string, Daemon>();
  #settled = false;

  async start(spec: DaemonSpec): Promise<void> {
    const daemon = await startDaemon(spec);
    this.#daemons.set(spec.name, daemon);
    void daemon.ended.then(() => this.#restart(spec));
  }

  async #restart(spec: DaemonSpec): Promise<void> {
    if (!this.#settled) return;
    await sleep(restartAfterMs);
    if (this.#daemons.has(spec.name)) await this.start(spec);
  }

  /** For good. */
  async stop(name: string): Promise<void> {
    const daemon = this.#daemons.get(name);
    this.#daemons.delete(name);
    await daemon?.kill();
  }

  /** Throws when one has ended. */
  async check(): Promise<void> {
    for (const daemon of this.#daemons.values()) await mustLive(daemon);
  }

  settle(): void {
    this.#settled = true;
  }
}
