// Outside the node's namespaces: starts the node, outlives its starter when told to, and cleans up after the node's end.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanUp } from './clean-up.ts';
import { unshareArgs, withoutProxies } from './isolation.ts';
import { takeLock } from './lock.ts';
import { writeNodeConfig } from './node-config.ts';
import { type Message, type Plan, places, type State, writeState } from './state.ts';
import { until } from './until.ts';

const INSIDE = join(dirname(fileURLToPath(import.meta.url)), 'inside.ts');

const [, , planText = ''] = process.argv;
const plan = JSON.parse(planText) as Plan;
const at = places(plan.root);
const send = (message: Message) => {
  if (process.connected) process.send?.(message);
};

function listen(): Promise<{ listener: Server; port: number }> {
  const listener = createServer();
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const address = listener.address();
      if (address === null || typeof address === 'string') return reject(new Error('no port to listen on'));
      resolve({ listener, port: address.port });
    });
  });
}

/** The kernel ends unshare with us, and everything inside with unshare: nothing outlives even a SIGKILL of this process. */
function startNode(port: number): ChildProcess {
  const inside = unshareArgs([process.execPath, INSIDE, planText, String(port)]);
  return spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...inside], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: withoutProxies(process.env),
  });
}

/** The only child of unshare, which is PID 1 inside. */
async function findInit(unshare: number): Promise<number> {
  return until({ what: 'the namespaces', timeoutMs: 10_000, everyMs: 20 }, async () => {
    const children = await readFile(`/proc/${unshare}/task/${unshare}/children`, 'utf8').catch(() => '');
    return Number.parseInt(children, 10) || undefined;
  });
}

async function main(): Promise<number> {
  const lock = await takeLock(at.lock, false);
  if (lock === undefined) throw new Error('another cluster is running');
  await cleanUp(at);
  await rm(at.log, { recursive: true, force: true });
  await Promise.all([at.run, at.log].map((folder) => mkdir(folder, { recursive: true })));
  const { listener, port } = await listen();
  await writeNodeConfig(at, plan, port);
  const node = startNode(port);
  let state: State = { phase: 'starting', life: 'tied', supervisor: process.pid, init: 0, port };
  let written = Promise.resolve();
  const update = (change: Partial<State>): Promise<void> => {
    const next = { ...state, ...change };
    state = next;
    written = written.then(() => writeState(at, next));
    return written;
  };
  // Ending PID 1 first makes unshare the witness that everything inside has ended.
  const stop = () => void (state.init > 0 ? process.kill(state.init, 'SIGKILL') : node.kill('SIGKILL'));
  process.on('SIGTERM', stop).on('SIGINT', stop);
  process.on('disconnect', () => state.life === 'tied' && stop());
  process.on('message', (message: Message) => {
    if (message.kind === 'keep') void update({ life: 'kept' }).then(() => send({ kind: 'kept' }));
  });
  let why = 'the node ended before it was ready';
  node.on('message', (message: Message) => {
    if (message.kind === 'listener-wanted') node.send(message, listener, () => listener.close());
    else if (message.kind === 'ready') void update({ phase: 'ready' }).then(() => send(message));
    else if (message.kind === 'failed') why = message.why;
    else send(message);
  });
  const ended = new Promise<void>((resolve) => node.once('exit', () => resolve()));
  await update({});
  await findInit(node.pid ?? 0).then((init) => update({ init }), stop);
  await ended;
  await cleanUp(at);
  if (state.phase === 'starting') send({ kind: 'failed', why });
  await lock.release();
  return 0;
}

function fail(error: unknown): number {
  send({ kind: 'failed', why: error instanceof Error ? error.message : String(error) });
  return 1;
}

process.exitCode = await main().catch(fail);
if (process.connected) process.disconnect?.();
