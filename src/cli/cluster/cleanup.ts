import { type Deployment, type Key, keyOf, type Pod, resources } from '@agentcard-operator/kube/objects';
import { operatorPodLabels } from '../../operator/api/labels.ts';
import { ownRemains, undoAll } from '../../operator/cleanup/remains.ts';
import { controllerOf } from '../../operator/workload/pod.ts';
import { pairsSelect } from '../../operator/workload/selector.ts';
import { type Command, exit, type Io, Trouble } from '../command.ts';
import { nameOf } from '../explain/forecast.ts';
import { formatOf, outputOption } from '../table.ts';
import { fleetOptions, namespacesOf, sightOf } from './cluster.ts';
import { atCluster, isName, type Place } from './connection.ts';
import { operatorSelector } from './operators.ts';
import { listed, reported } from './remains.ts';
import { standDown } from './stand-down.ts';

/** A replica stops sooner than this, unless something is wrong. */
const noticeMs = 5_000;

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
    'Exit status: 0 done or listed, 1 some were refused, 2 wrong usage, no cluster, or an operator that still runs.',
  ],
  examples: ['cleanup', 'cleanup --apply --operator agentcard-system/agentcard-operator'],
  run: atCluster(async (place, invocation, io) => {
    const format = formatOf(invocation);
    const namespaces = namespacesOf(invocation);
    if (invocation.option('apply') === undefined) {
      io.out(listed(await ownRemains(place.client, namespaces, io.now()), format));
      return exit.ok;
    }
    let status: number = exit.ok;
    await alone(place, invocation.option('operator'), io, async () => {
      const remains = await ownRemains(place.client, namespaces, io.now());
      const refused = await undoAll(remains, place.client);
      io.out(listed(remains, format));
      status = reported(remains, refused, io);
    });
    return status;
  }),
};

/** Runs the work while no operator writes: the named one is stopped for good; without one none may run. */
async function alone(place: Place, operator: Key | undefined, io: Io, work: () => Promise<void>): Promise<void> {
  if (operator === undefined) return mustBeIdle(place).then(work);
  const [namespace = '', name = '', ...more] = operator.split('/');
  if (more.length > 0 || !isName(namespace) || !isName(name))
    throw new Trouble(`--operator is <namespace>/<name>, not "${operator}"`);
  const deployment = await place.client.get<Deployment>(resources.deployments, operator);
  const worn = { ...deployment?.metadata.labels, ...deployment?.spec?.template?.metadata?.labels };
  if (deployment === undefined) await mustBeIdle(place, `there is no Deployment ${operator}`, operator);
  else if (!pairsSelect(operatorPodLabels, worn)) {
    const other = `Deployment ${operator} is not the operator's`;
    await mustBeIdle(place, other);
    throw new Trouble(`${other}, and no pod of the operator runs: leave --operator out`);
  }
  const notice = setTimeout(() => io.err(`waiting for ${operator} to stop and release its Lease\n`), noticeMs);
  const begin = () => {
    clearTimeout(notice);
    return work();
  };
  await standDown(place.client, operator, begin).finally(() => clearTimeout(notice));
}

/** Refuses while a pod of the operator runs, or nobody can tell. For pods that `gone` left behind the Lease is waited for. */
async function mustBeIdle(place: Place, found?: string, gone?: Key): Promise<void> {
  const why = found === undefined ? '' : `${found}, and `;
  const { seen, of } = await sightOf(place, resources.pods, (pod: Pod) => pod, operatorSelector);
  const hasEnded = ({ status }: Pod) => status?.phase === 'Succeeded' || status?.phase === 'Failed';
  const running = seen.filter((one) => !hasEnded(one) && nameOf(one) !== gone);
  if (running.length > 0) {
    const deployed = running.filter(({ metadata }) => controllerOf(metadata.ownerReferences)?.kind === 'ReplicaSet');
    const names = [...new Set(deployed.map(nameOf))].join(' or ');
    const remedy = names === '' ? 'stop it first' : `pass --operator ${names}`;
    const pods = running.slice(0, 3).map(keyOf).join(', ');
    throw new Trouble(`${why}the operator still runs and would put it all back (pod ${pods}): ${remedy}`);
  }
  if (of === 'cluster') return;
  const unseen = 'you may not list the pods of the whole cluster, among which the operator may run';
  throw new Trouble(`${why}${unseen}: name its Deployment by --operator`);
}
