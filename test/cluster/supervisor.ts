// Outside the namespaces: starts what runs inside (here called the node), outlives its starter when told to, and cleans up after the node's end.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import type { Server } from 'node:net';
import { cleanUp } from './clean-up.ts';
import { unshareArgs, withoutProxies } from './isolation.ts';
import { takeLock } from './lock.ts';
import { writeNodeConfig } from './node-config.ts';
import { listenOnLoopback } from './ports.ts';
import { type Message, type Plan, places, receivePlan, StateKeeper } from './state.ts';
import { until } from './until.ts';

const plan = await receivePlan();
const at = places(plan.root);
const send = (message: Message) => {
  if (process.connected) process.send?.(message);
};

/** The kernel ends unshare with us, and everything inside with unshare: nothing outlives even a SIGKILL of this process. */
function startNode(port: number): ChildProcess {
  const inside = unshareArgs([process.execPath, plan.program]);
  const node = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...inside], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: withoutProxies(process.env),
  });
  node.send({ ...plan, port } satisfies Plan);
  return node;
}

/** The only child of unshare, which is PID 1 inside; 0 when unshare has ended already. */
async function findInit(unshare: number): Promise<number> {
  return until({ what: 'the namespaces', timeoutMs: 10_000, everyMs: 20 }, async () => {
    const children = await readFile(`/proc/${unshare}/task/${unshare}/children`, 'utf8').catch(() => '0');
    return children === '' ? undefined : Number.parseInt(children, 10);
  });
}

function endInit(init: number): void {
  try {
    process.kill(init, 'SIGKILL');
  } catch {
    // It has ended already, and its end is on the way here.
  }
}

/** What the starter, or whoever wants an end, can ask for. */
function obeyOutside(keeper: StateKeeper, stop: () => void): void {
  process.on('SIGTERM', stop).on('SIGINT', stop);
  process.on('message', (message: Message) => {
    if (message.kind === 'keep') void keeper.update({ life: 'kept' }).then(() => send({ kind: 'kept' }));
  });
  const stopIfTied = () => {
    if (keeper.now.life === 'tied') stop();
  };
  process.on('disconnect', stopIfTied);
  // The starter may have ended before anyone listened.
  if (!process.connected) stopIfTied();
}

/** Passes on what the process inside says, and resolves at the node's end with the reason that it gave, if any. */
function followNode(node: ChildProcess, listener: Server, keeper: StateKeeper): Promise<string> {
  let why = 'the node ended before it was ready';
  node.on('message', (message: Message) => {
    if (message.kind === 'listener-wanted') node.send(message, listener, () => listener.close());
    else if (message.kind === 'ready') void keeper.update({ phase: 'ready' }).then(() => send(message));
    else if (message.kind === 'failed') why = message.why;
    else send(message);
  });
  return new Promise((resolve) => node.once('exit', () => resolve(why)));
}

async function main(): Promise<number> {
  const lock = await takeLock(at.lock, false);
  if (lock === undefined) throw new Error('another cluster is running');
  await cleanUp(at);
  await rm(at.log, { recursive: true, force: true });
  await Promise.all([at.run, at.log].map((folder) => mkdir(folder, { recursive: true })));
  const { listener, port } = await listenOnLoopback();
  await writeNodeConfig(at, plan, port);

  const node = startNode(port);
  const keeper = new StateKeeper(at, { phase: 'starting', life: 'tied', supervisor: process.pid, init: 0, port });
  const ended = followNode(node, listener, keeper);
  // Ending PID 1 first makes unshare the witness that everything inside has ended.
  obeyOutside(keeper, () => {
    if (keeper.now.init > 0) endInit(keeper.now.init);
    else node.kill('SIGKILL');
  });
  await keeper.update({ init: await findInit(node.pid ?? 0) });
  const why = await ended;
  listener.close();
  await cleanUp(at);
  if (keeper.now.phase === 'starting') send({ kind: 'failed', why });
  await lock.release();
  return 0;
}

function fail(error: unknown): number {
  send({ kind: 'failed', why: error instanceof Error ? error.message : String(error) });
  return 1;
}

process.exitCode = await main().catch(fail);
if (process.connected) process.disconnect?.();
