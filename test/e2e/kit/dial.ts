import type { World } from './world.ts';

export type Passage = 'open' | 'closed';
/** Where to: a TCP address; or the cluster's DNS, which is asked for a name over UDP. */
export type Destination = { readonly host: string; readonly port: number } | 'DNS';

/** A process that got no processor for a while looks for an answer before it gives up: immediates run after I/O. */
const script = `
const { connect } = require('node:net');
const { Resolver } = require('node:dns').promises;
const dial = (to) => to === 'DNS'
  ? new Resolver({ timeout: 1500, tries: 1 }).resolve4('kubernetes.default.svc.cluster.local')
  : new Promise((done, fail) => {
      const socket = connect({ ...to, timeout: 2000 });
      socket.on('connect', () => { socket.destroy(); done(); });
      socket.on('timeout', () => setImmediate(() => socket.destroy(new Error('timeout'))));
      socket.on('error', fail);
    });
const entries = Object.entries(JSON.parse(process.argv[1]));
Promise.all(entries.map(([name, to]) => dial(to).then(() => [name, 'open'], () => [name, 'closed'])))
  .then((said) => { console.log(JSON.stringify(Object.fromEntries(said))); process.exit(0); });
`;

/** New connections from one pod to each destination, all at once. The pod's image must hold Node. */
export async function dial<T extends string>(
  world: World,
  from: { readonly namespace: string; readonly pod: string },
  to: Readonly<Record<T, Destination>>,
): Promise<Readonly<Record<T, Passage>>> {
  const command = ['node', '-e', script, JSON.stringify(to)];
  return JSON.parse(await world.kubectl('-n', from.namespace, 'exec', from.pod, '--', ...command));
}
