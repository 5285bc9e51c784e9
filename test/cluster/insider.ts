// What every program that runs inside namespaces of its own begins with. The supervisor holds the other end of its IPC channel.
import { readFile } from 'node:fs/promises';
import { connect, Server } from 'node:net';
import { join } from 'node:path';
import { type ApiAccess, apiReady } from './api-client.ts';
import { type Component, controllers, controlPlane } from './components.ts';
import { Crew } from './crew.ts';
import { seconds } from './progress.ts';
import { type Message, type Places, type Plan, places, receivePlan } from './state.ts';
import { until } from './until.ts';

export interface Insider {
  readonly plan: Plan;
  readonly at: Places;
  readonly crew: Crew;
  /** As an administrator. */
  readonly access: ApiAccess;
  /** To whoever waits for the start. */
  tell(what: string): void;
  start(component: Component): Promise<void>;
  /** etcd, the API server, and once that answers the controllers. */
  startControlPlane(): Promise<void>;
}

/** Receives the plan, runs `work`, and says that all is ready, or why it is not. */
export async function runInside(work: (insider: Insider) => Promise<void>): Promise<void> {
  try {
    const insider = await begin();
    forwardOutsideConnections(insider.plan.port);
    await work(insider);
    insider.crew.settle();
    send({ kind: 'ready' });
  } catch (error) {
    send({ kind: 'failed', why: error instanceof Error ? error.message : String(error) });
    // Leaving ends PID 1, and with it everything inside.
    process.disconnect?.();
    process.exitCode = 1;
    setImmediate(() => process.exit(1));
  }
}

const send = (message: Message) => process.send?.(message);

async function begin(): Promise<Insider> {
  const started = Date.now();
  const plan = await receivePlan();
  const at = places(plan.root);
  const crew = new Crew();
  const read = (name: string) => readFile(join(at.pki, name), 'utf8');
  const access: ApiAccess = {
    server: `https://127.0.0.1:${plan.port}`,
    ...{ caPem: await read('ca.crt'), certPem: await read('admin.crt'), keyPem: await read('admin.key') },
  };
  const tell = (what: string) => void send({ kind: 'progress', line: `${what} (${seconds(Date.now() - started)})` });
  const start = ({ name, args }: Component) => {
    const command = plan.tools[name];
    if (command === undefined) throw new Error(`the plan lacks ${name}`);
    return crew.start({ name, command, args, logs: at.log });
  };
  const startControlPlane = async () => {
    const { etcd, apiServer } = controlPlane(at, plan.port);
    await start(etcd);
    await start(apiServer);
    await until({ what: 'the API server to be ready', timeoutMs: 60_000 }, async () => {
      await crew.check();
      return apiReady(access);
    });
    await Promise.all(controllers(at).map(start));
    tell('API server ready');
  };
  return { plan, at, crew, access, tell, start, startControlPlane };
}

/** The listening socket belongs to the network outside, and so do its connections: this is the one way in. */
function forwardOutsideConnections(port: number): void {
  process.on('message', (_message, listener) => {
    if (!(listener instanceof Server)) return;
    listener.on('connection', (outside) => {
      const apiServer = connect(port, '127.0.0.1');
      outside.on('error', () => apiServer.destroy());
      apiServer.on('error', () => outside.destroy());
      outside.on('close', () => apiServer.destroy());
      apiServer.on('close', () => outside.destroy());
      outside.pipe(apiServer).pipe(outside);
    });
  });
  send({ kind: 'listener-wanted' });
}
