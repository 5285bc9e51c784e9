import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { CommandError, run } from './command.ts';
import { archiveOf } from './images.ts';
import { nsenterArgs } from './isolation.ts';
import { launch } from './launch.ts';
import { mustFit } from './preflight.ts';
import { type Progress, terminalProgress } from './progress.ts';
import { busyMessage, type Places, places, readState, type State } from './state.ts';
import { ensureTools } from './tools.ts';

/** A running node with SPIRE. Everything it offers works from outside its namespaces. */
export interface Cluster {
  /** Path of an administrator's kubeconfig, good inside and outside the namespaces. */
  readonly kubeconfig: string;
  /** Path of a kubectl that uses it. */
  readonly kubectlPath: string;
  /** `https://127.0.0.1:<port>`. */
  readonly server: string;
  /** Folder of every part's log. */
  readonly logs: string;
  /** These resolve with standard output, and reject with the outputs' ends when the command fails. */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  helm(args: readonly string[], stdin?: string): Promise<string>;
  /** Runs a command in the node's namespaces, with KUBECONFIG set: there are pods, Services and packet filters. */
  exec(args: readonly string[], stdin?: string | Readable): Promise<string>;
  /** Puts an image into the node: an OCI archive's path, or the name of an image built by this harness. */
  loadImage(archiveOrName: string): Promise<void>;
  /** Stops the cluster if this handle's owner started it; one that was there before stays. */
  stop(): Promise<void>;
}

/** A test run's own processes find the clusters that their parent started by this: the numbers of their supervisors. */
const mine = 'AGENTCARD_CLUSTER';

/**
 * The cluster that `make cluster` started, when there is one; else a new one, which `stop` ends, or the end of this process.
 * A cluster that another test run started is refused, because it would end at any moment.
 */
export async function useOrStartCluster(
  progress: Progress = terminalProgress(),
  at: Places = places(),
): Promise<Cluster> {
  mustFit(at);
  const running = await runningState(at);
  if (running !== undefined) return connectTo(at, running, async () => {});
  const { stop } = await launch(at, progress);
  const state = await readState(at);
  if (state === undefined) throw new Error(`the node ended right after its start; logs: ${at.log}`);
  process.env[mine] = [...owned(), String(state.supervisor)].join();
  return connectTo(at, state, stop);
}

const owned = () => process.env[mine]?.split(',') ?? [];

async function runningState(at: Places): Promise<State | undefined> {
  const state = await readState(at);
  if (state === undefined) return undefined;
  if (state.life === 'tied' && !owned().includes(String(state.supervisor)))
    throw new CommandError(busyMessage(at, state));
  return state;
}

async function connectTo(at: Places, state: State, stop: () => Promise<void>): Promise<Cluster> {
  const tools = await ensureTools(['kubectl', 'helm']);
  const env = { ...process.env, KUBECONFIG: at.kubeconfig };
  const withInput = (stdin?: string | Readable) => (stdin === undefined ? { env } : { env, stdin });
  const exec = (args: readonly string[], stdin?: string | Readable) =>
    run('nsenter', nsenterArgs(state.init, process.cwd(), args), withInput(stdin));
  return {
    kubeconfig: at.kubeconfig,
    kubectlPath: at.kubectl,
    server: `https://127.0.0.1:${state.port}`,
    logs: at.log,
    kubectl: (args, stdin) => run(tools.kubectl, args, withInput(stdin)),
    helm: (args, stdin) => run(tools.helm, args, withInput(stdin)),
    exec,
    loadImage: async (archiveOrName) => {
      const isFile = await stat(archiveOrName).then(
        (info) => info.isFile(),
        () => false,
      );
      const archive = isFile ? archiveOrName : await archiveOf(archiveOrName);
      // As a stream: inside, the archive's path may mean another place.
      await exec(['ctr', '--namespace', 'k8s.io', 'images', 'import', '-'], createReadStream(archive));
    },
    stop,
  };
}
