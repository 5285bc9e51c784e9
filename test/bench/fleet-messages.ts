/** How the fleet is led. Every message is answered by a report once it is obeyed. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Part } from './parameters.ts';
import type { Member } from './population.ts';

export type FleetMessage =
  | { readonly kind: 'members'; readonly members: readonly (readonly [string, Member])[]; readonly cardBytes: number }
  | {
      readonly kind: 'change';
      readonly addresses: readonly string[];
      readonly part?: Part;
      readonly version?: number;
    }
  /** Its address will be another one: until it is told, every address that nobody has is this one's. */
  | { readonly kind: 'moves'; readonly member: Member; readonly from: string }
  | { readonly kind: 'workload-api'; readonly up: boolean }
  /** The way of a rotation: a new authority joins the bundle; it signs; the older ones leave the bundle. */
  | { readonly kind: 'rotate'; readonly step: 'prepare' | 'activate' | 'drop' }
  | { readonly kind: 'report' }
  /** Begins to measure anew how long each agent waits for its next question. */
  | { readonly kind: 'measure' };

export interface FleetReport {
  /** Connections and whole questions since the start. */
  readonly dials: number;
  readonly cards: number;
  /** The longest that each good agent waited for a question since `measure`, in milliseconds. */
  readonly waits: Readonly<Record<string, number>>;
  /** Each such wait that ended, in milliseconds. */
  readonly ended: readonly number[];
  /** The longest that its own event loop stood still since `measure`, in milliseconds. */
  readonly lagMs: number;
  /** Address of the Workload API. */
  readonly workloadApi: string;
  /** The operator's own SVID, for whoever does without the Workload API. */
  readonly operator: { readonly certPem: string; readonly keyPem: string; readonly bundlePem: string };
}

export class Fleet {
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#process = child;
  }

  static async start(): Promise<Fleet> {
    const child = fork(join(import.meta.dirname, './fleet.ts'), { serialization: 'advanced' });
    await answerOf(child);
    return new Fleet(child);
  }

  async tell(message: FleetMessage): Promise<FleetReport> {
    const answer = answerOf(this.#process);
    this.#process.send(message);
    return answer;
  }

  stop(): void {
    this.#process.kill('SIGKILL');
  }
}

function answerOf(child: ChildProcess): Promise<FleetReport> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('the fleet ended'));
    child.once('exit', ended);
    child.once('message', (report: FleetReport) => {
      child.off('exit', ended);
      resolve(report);
    });
  });
}
