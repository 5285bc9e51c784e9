import { ownRemains, type Refused, type Remain, undoAll } from '../cleanup/remains.ts';
import { standDown } from '../cleanup/stand-down.ts';
import type { KubeClient } from '../kube/client.ts';
import { clusterOptions, listOf, namespacesOption, withCluster } from './cluster.ts';
import { type Command, exit, Trouble } from './command.ts';
import { listed, reported } from './remains.ts';
import { formatOf, outputOption } from './table.ts';

export const cleanup: Command = {
  name: 'cleanup',
  summary: 'Take off what the operator leaves on a cluster: labels, annotations, NetworkPolicies',
  operands: [],
  options: {
    ...clusterOptions,
    namespaces: namespacesOption,
    operator: { value: '<namespace/name>', doc: 'Deployment of the operator, which is scaled to none first' },
    apply: { doc: 'do it; without this they are listed only' },
    output: outputOption,
  },
  notes: [
    'This is what the chart runs before it is uninstalled. Use it where that could not run. Quarantines end with their policies.',
    'AgentCards stay, with the last status that was written; finalizers that would hold them are taken off.',
    'Exit status: 0 done or listed, 1 some were refused, 2 wrong usage or no cluster.',
  ],
  examples: ['cleanup', 'cleanup --apply --operator agentcard-system/agentcard-operator'],
  run: (invocation, io) =>
    withCluster(invocation, async (client) => {
      const format = formatOf(invocation);
      const namespaces = listOf(invocation.option('namespaces'));
      if (invocation.option('apply') === undefined) {
        io.out(listed(await ownRemains(client, namespaces), format));
        return exit.ok;
      }
      const { remains, refused } = await sweepAll(client, namespaces, invocation.option('operator'));
      io.out(listed(remains, format));
      return reported(remains, refused, io);
    }),
};

interface Swept {
  readonly remains: readonly Remain[];
  readonly refused: readonly Refused[];
}

async function sweepAll(client: KubeClient, namespaces: readonly string[], operator: string | undefined) {
  let swept: Swept = { remains: [], refused: [] };
  const work = async () => {
    const remains = await ownRemains(client, namespaces);
    swept = { remains, refused: await undoAll(remains, client) };
  };
  if (operator === undefined) await work();
  else if (/^[^/]+\/[^/]+$/.test(operator)) await standDown(client, operator, work);
  else throw new Trouble(`--operator is <namespace>/<name>, not "${operator}"`);
  return swept;
}
