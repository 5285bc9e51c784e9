import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureBaseImages } from './base-images.ts';
import { exists } from './cache.ts';
import { cleanUp } from './clean-up.ts';
import { lastLines } from './command.ts';
import { takeLock } from './lock.ts';
import { preflight } from './preflight.ts';
import type { Progress } from './progress.ts';
import { type Message, type Places, type Plan, readState, type State } from './state.ts';
import { ensureTools } from './tools.ts';
import { until } from './until.ts';

const supervisorProgram = join(import.meta.dirname, 'supervisor.ts');

/** A supervisor whose node is ready. Its life is tied to this process until `keep`. */
export interface Launched {
  keep(): Promise<void>;
  stop(): Promise<void>;
}

/** Builds what is missing, then starts a node; returns when the node, its DNS and SPIRE are ready. */
export async function launch(at: Places, progress: Progress): Promise<Launched> {
  await preflight(at, progress);
  const tools = await ensureTools(undefined, progress);
  const images = await progress.step('base images', () => ensureBaseImages(tools));
  const program = join(import.meta.dirname, 'inside.ts');
  const plan: Plan = { root: at.root, program, tools, images, port: 0 };
  return progress.step('starting the node', () => launchPlan(at, plan, progress));
}

/** Starts a program in namespaces of its own; returns when it says that it is ready. */
export async function launchPlan(at: Places, plan: Plan, progress: Progress): Promise<Launched> {
  const supervisor = await startSupervisor(at, plan);
  await untilReady(supervisor, at, progress);
  // From here on a process that has nothing else to do may end, and its node with it.
  supervisor.unref();
  supervisor.channel?.unref();
  return {
    keep: async () => {
      const kept = new Promise<void>((resolve) => {
        supervisor.on('message', (message: Message) => message.kind === 'kept' && resolve());
      });
      supervisor.send({ kind: 'keep' } satisfies Message);
      supervisor.channel?.ref();
      await kept;
      supervisor.disconnect();
    },
    stop: async () => {
      await down(at);
    },
  };
}

/** Beside the node's logs, since the supervisor empties their folder. Only a crash of the supervisor writes here. */
const supervisorLog = (at: Places) => join(at.root, 'supervisor.log');

async function startSupervisor(at: Places, plan: Plan): Promise<ChildProcess> {
  await mkdir(at.root, { recursive: true });
  const log = await open(supervisorLog(at), 'w');
  const supervisor = spawn(process.execPath, [supervisorProgram], {
    cwd: at.root,
    // Out of the terminal's process group: Ctrl-C reaches it as the end of this process, in order.
    detached: true,
    stdio: ['ignore', log.fd, log.fd, 'ipc'],
  });
  await log.close();
  supervisor.send(plan);
  return supervisor;
}

function untilReady(supervisor: ChildProcess, at: Places, progress: Progress): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${why}\nLogs: ${at.log}`));
    supervisor.once('error', (error) => fail(error.message));
    supervisor.once('exit', async () => {
      const text = await readFile(supervisorLog(at), 'utf8').catch(() => '');
      fail(`the supervisor ended:\n${lastLines(text, 20)}`);
    });
    supervisor.on('message', (message: Message) => {
      if (message.kind === 'progress') progress.say(`  ${message.line}`);
      else if (message.kind === 'failed') fail(message.why);
      else if (message.kind === 'ready') resolve();
    });
  });
}

/** Stops the running cluster, whoever started it, and removes what a crashed one left. False when there was nothing to stop. */
export async function down(at: Places): Promise<boolean> {
  const state = await readState(at);
  if (state === undefined) {
    const abandoned = await exists(at.run);
    await cleanUp(at);
    return abandoned;
  }
  process.kill(await supervisorOf(at, state), 'SIGTERM');
  // The supervisor lets go of the lock last.
  await until({ what: 'the cluster to stop', timeoutMs: 60_000 }, async () => {
    const lock = await takeLock(at.lock, false);
    await lock?.release();
    return lock;
  });
  return true;
}

/** A node that is only just starting has not written down its supervisor yet. */
async function supervisorOf(at: Places, state: State): Promise<number> {
  if (state.supervisor > 0) return state.supervisor;
  return until({ what: 'the starting node', timeoutMs: 10_000 }, async () => {
    const now = await readState(at);
    if (now === undefined) throw new Error('the node ended by itself');
    return now.supervisor > 0 ? now.supervisor : undefined;
  });
}
