import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheKey, cacheRoot } from './cache.ts';
import type { ToolName } from './catalogue.ts';
import { takeLock } from './lock.ts';

/** The folder of the first node, which is that of `make cluster`, or of one beside it. */
export function nodeRoot(number = 1): string {
  return join(cacheRoot(), number === 1 ? 'cluster' : `cluster-${number}`);
}

/** Of every node that was ever started here. */
export async function nodeRoots(): Promise<readonly string[]> {
  const names = await readdir(cacheRoot()).catch(() => []);
  return names.filter((name) => /^cluster(-\d+)?$/.test(name)).map((name) => join(cacheRoot(), name));
}

/** One node's folder. Everything in it can be rebuilt; `log` outlives the node so that a failure can be read. */
export function places(root: string = nodeRoot()) {
  return {
    root,
    pki: join(root, 'pki'),
    log: join(root, 'log'),
    /** Data of etcd, the kubelet and containerd, and the upper layers of the node's own /etc and /var. */
    run: join(root, 'run'),
    kubeconfig: join(root, 'kubeconfig'),
    kubectl: join(root, 'kubectl'),
    state: join(root, 'state.json'),
    lock: join(root, 'lock'),
    /**
     * A cgroup subtree of this cluster's own. A kubelet ends what it does not know under its root, so no two may share one: neither
     * two clusters with caches of their own, nor a cluster and the machine's own kubelet.
     */
    cgroup: `agentcard-node-${cacheKey(root).slice(0, 8)}`,
  };
}

export type Places = ReturnType<typeof places>;

/** What the starting process decided; the first message to the supervisor, and with the port to the process inside. */
export interface Plan {
  readonly root: string;
  /** Path of the program that runs inside. */
  readonly program: string;
  readonly tools: Readonly<Partial<Record<ToolName, string>>>;
  /** OCI archives in the order of their import. */
  readonly images: readonly string[];
  /** Of the API server; 0 until the supervisor has one. */
  readonly port: number;
}

/** In a process that was started with an IPC channel: its plan. */
export function receivePlan(): Promise<Plan> {
  return new Promise((resolve) => process.once('message', (message) => resolve(message as Plan)));
}

export interface State {
  readonly phase: 'starting' | 'ready';
  /** `kept` outlives its starter; `tied` ends with it. */
  readonly life: 'kept' | 'tied';
  /** 0 while it has not said who it is. */
  readonly supervisor: number;
  /** The process that is PID 1 inside, by its number outside; 0 until it exists. */
  readonly init: number;
  /** Of the API server, inside and outside alike, on loopback. */
  readonly port: number;
}

/** What to tell a person who wants a cluster while another run has one that will end with that run. */
export function busyMessage(at: Places, { supervisor }: State): string {
  const who = supervisor === 0 ? 'that is just starting' : `(supervisor ${supervisor})`;
  return `another run ${who} uses its own cluster in ${at.root}: wait for its end, or end it with "make cluster-down"`;
}

/** The supervisor's own view of the state; every change reaches the file, in order. */
export class StateKeeper {
  readonly #at: Places;
  #state: State;
  #written = Promise.resolve();

  constructor(at: Places, state: State) {
    this.#at = at;
    this.#state = state;
  }

  get now(): State {
    return this.#state;
  }

  update(change: Partial<State>): Promise<void> {
    const state = { ...this.#state, ...change };
    this.#state = state;
    this.#written = this.#written.then(async () => {
      const scratch = `${this.#at.state}.new`;
      await writeFile(scratch, JSON.stringify(state));
      await rename(scratch, this.#at.state);
    });
    return this.#written;
  }
}

const unknown: State = { phase: 'starting', life: 'tied', supervisor: 0, init: 0, port: 0 };

/** The running cluster's state; undefined when none runs. The lock, not the file, decides: a crash leaves the file. */
export async function readState(at: Places): Promise<State | undefined> {
  const lock = await takeLock(at.lock, false);
  if (lock !== undefined) {
    await lock.release();
    return undefined;
  }
  const text = await readFile(at.state, 'utf8').catch(() => undefined);
  return text === undefined ? unknown : (JSON.parse(text) as State);
}

/** Between the supervisor and whoever started it, and between the supervisor and the process inside. */
export type Message =
  | { readonly kind: 'progress'; readonly line: string }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly why: string }
  /** To the supervisor: outlive me; and its answer. */
  | { readonly kind: 'keep' }
  | { readonly kind: 'kept' }
  /** From inside: pass the listening socket. */
  | { readonly kind: 'listener-wanted' };
