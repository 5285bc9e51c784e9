import { ownRemains, undoAll } from '../cleanup/remains.ts';
import { standDown } from '../cleanup/stand-down.ts';
import { type Key, keyOf, type Pod, resources } from '../kube/objects.ts';
import { asking, fleetOptions, namespacesOf, type Place, placeOf, visible } from './cluster.ts';
import { type Command, exit, Trouble } from './command.ts';
import { listed, reported } from './remains.ts';
import { formatOf, outputOption } from './table.ts';

export const cleanup: Command = {
  name: 'cleanup',
  summary: 'List what the operator leaves on a cluster (labels, NetworkPolicies, verdicts), and take it off',
  operands: [],
  options: {
    ...fleetOptions,
    operator: { value: '<namespace/name>', doc: 'Deployment of the operator, which is scaled to none first' },
    apply: { doc: 'do it; without this they are listed only' },
    output: outputOption,
  },
  notes: [
    'This is what the chart runs before it is uninstalled. Use it where that could not run.',
    'AgentCards stay, with Ready and Verified Unknown; finalizers that would hold them are taken off.',
    'Policies of quarantined agents go as well: cut such agents off by other means first.',
    'Exit status: 0 done or listed, 1 some were refused, 2 wrong usage or no cluster.',
  ],
  examples: ['cleanup', 'cleanup --apply --operator agentcard-system/agentcard-operator'],
  run: async (invocation, io) => {
    const place = await placeOf(invocation);
    const format = formatOf(invocation);
    const namespaces = namespacesOf(invocation);
    if (invocation.option('apply') === undefined) {
      io.out(listed(await asking(ownRemains(place.client, namespaces, io.now())), format));
      return exit.ok;
    }
    let status: number = exit.ok;
    await asking(
      alone(place, invocation.option('operator'), async () => {
        const remains = await ownRemains(place.client, namespaces, io.now());
        const refused = await undoAll(remains, place.client);
        io.out(listed(remains, format));
        status = reported(remains, refused, io);
      }),
    );
    return status;
  },
};

/** Runs the work while no operator writes: the named one is stopped for good; without a name there must be none. */
async function alone(place: Place, operator: Key | undefined, work: () => Promise<void>): Promise<void> {
  if (operator !== undefined) {
    if (!/^[^/]+\/[^/]+$/.test(operator)) throw new Trouble(`--operator is <namespace>/<name>, not "${operator}"`);
    return standDown(place.client, operator, work);
  }
  const selector = 'app.kubernetes.io/name=agentcard-operator';
  const [running] = await visible(place, resources.pods, (pod: Pod) => pod, selector);
  if (running === undefined) return work();
  throw new Trouble(`pod ${keyOf(running)} still runs and would put it all back: name its Deployment by --operator`);
}
