import type {
  EndpointSlice,
  KubeObject,
  NetworkPolicy,
  Pod,
  Resource,
  Service,
} from '@agentcard-operator/kube/objects';
import { resources } from '@agentcard-operator/kube/objects';
import type { AgentCard } from '../../operator/api/agentcard.ts';
import { customResources } from '../../operator/api/resources.ts';
import { apiServerFacts, dnsFacts } from '../../operator/network/facts.ts';
import type { PolicyPeers } from '../../operator/network/policy.ts';
import { readConfig } from '../../operator/settings/config.ts';
import { type Settings, settingsFrom } from '../../operator/settings/settings.ts';
import { workloadKinds } from '../../operator/workload/kinds.ts';
import { serviceNameLabel } from '../../operator/workload/service.ts';
import { type Workload, workloadKey } from '../../operator/workload/workload.ts';
import { type Sight, sightOf } from '../cluster/cluster.ts';
import type { Place } from '../cluster/connection.ts';
import { type OperatorDeployment, operatorSelector } from '../cluster/operators.ts';
import { Trouble } from '../command.ts';

/** Everything that this user may see of what decides about packets. */
export interface Fleet {
  readonly cards: readonly AgentCard[];
  /** By namespace, kind and name. */
  readonly workloads: ReadonlyMap<string, Workload>;
  /** None on the host's network: policies do not see these as pods. */
  readonly pods: readonly Pod[];
  readonly policies: readonly NetworkPolicy[];
  readonly namespaceLabels: (namespace: string) => Readonly<Record<string, string>>;
  readonly settings: Settings;
  readonly peers: PolicyPeers;
  /** What could not be seen, and what was taken for it. */
  readonly notes: readonly string[];
}

/** `packets`: with the pods and policies, which a summary of cards needs not; that needs to see cards, though. */
export async function loadFleet(place: Place, packets: boolean): Promise<Fleet> {
  const limits: Limit[] = [];
  const see = async <T extends KubeObject, U>(resource: Resource, keep: (object: T) => U, versions?: Versions) => {
    const { seen, of, refusal } = await sightInOne(place, resource, keep, versions);
    if (resource === customResources.agentCards && of === 'nothing' && !packets) throw noCards(place, refusal);
    if (refusal?.code === 403) limits.push({ plural: resource.plural, of });
    return seen;
  };
  const [{ seen: operators }, cards, allPods, policies, namespaces, ...raw] = await Promise.all([
    sightOf(place, resources.deployments, (one: OperatorDeployment) => one, operatorSelector),
    see(customResources.agentCards, withoutText),
    packets ? see(resources.pods, seenByPolicies) : [],
    packets ? see(resources.networkPolicies, ({ metadata, spec }: NetworkPolicy) => ({ metadata, spec })) : [],
    see(resources.namespaces, ({ metadata: { name, labels = {} } }: KubeObject) => [name, labels] as const),
    ...workloadKinds.map(({ resource, read, versions }) => see(resource, read, versions)),
  ]);
  const workloads = raw.flat().filter((one) => one !== undefined);
  const running = allPods.filter(({ status }) => status?.phase !== 'Succeeded' && status?.phase !== 'Failed');
  const pods = running.filter(({ spec }) => spec?.hostNetwork !== true);
  const labels = new Map(namespaces);
  const { config, problem } = configOf(operators[0]);
  const settings = settingsFrom(config);
  const facts = await clusterFacts(place, config.dnsService);
  return {
    cards,
    workloads: new Map(workloads.map((workload) => [workloadKey(workload.namespace, workload), workload])),
    pods,
    policies,
    namespaceLabels: (name) => labels.get(name) ?? { 'kubernetes.io/metadata.name': name },
    settings,
    peers: { operatorNamespace: config.podNamespace, ...facts, ...settings },
    notes: [
      ...(problem === undefined ? [] : [problem]),
      ...limitNotes(limits, place),
      ...hostNote(running.length - pods.length),
    ],
  };
}

type Versions = readonly string[] | undefined;

/** A kind in the best of the versions that the cluster serves. */
async function sightInOne<T extends KubeObject, U>(
  place: Place,
  resource: Resource,
  keep: (object: T) => U,
  [version = resource.version, ...rest]: Versions = [],
): Promise<Sight<U>> {
  const sight = await sightOf(place, { ...resource, version }, keep);
  if (sight.refusal?.code !== 404 || rest.length === 0) return sight;
  return sightInOne(place, resource, keep, rest);
}

/** What this user may not see of a kind that the cluster serves. */
interface Limit {
  readonly plural: string;
  readonly of: Sight<unknown>['of'];
}

function limitNotes(limits: readonly Limit[], { namespace }: Place): string[] {
  const kinds = (wanted: Limit['of']) => limits.flatMap(({ plural, of }) => (of === wanted ? [plural] : [])).sort();
  const [unseen, partly] = [kinds('nothing'), kinds('namespace')];
  return [
    unseen.length === 0 ? [] : `You may not list ${unseen.join(', ')}: what depends on them is missing here.`,
    partly.length === 0
      ? []
      : `You may list ${partly.join(', ')} of namespace ${namespace} alone: the rest is missing here.`,
  ].flat();
}

function noCards({ namespace }: Place, refusal: Sight<unknown>['refusal']): Trouble {
  if (refusal?.code === 404) {
    return new Trouble("the cluster does not serve AgentCards: install the operator's chart, which brings the kind");
  }
  const where = `neither of the cluster nor of namespace ${namespace}`;
  return new Trouble(`you may not list AgentCards, ${where}: ask for the operator's viewer role, or choose with -n`);
}

function withoutText({ metadata, spec, status = {} }: AgentCard): AgentCard {
  const { card: _, ...rest } = status;
  return { metadata, spec: spec ?? {}, status: rest };
}

function seenByPolicies({ metadata, spec, status }: Pod): Pod {
  const { name, namespace = '', labels = {}, ownerReferences = [] } = metadata;
  const { hostNetwork = false, containers = [], initContainers = [] } = spec ?? {};
  const ports = [...containers, ...initContainers].map(({ ports = [] }) => ({ ports }));
  return {
    metadata: { name, namespace, labels, ownerReferences },
    spec: { hostNetwork, containers: ports },
    status: { phase: status?.phase ?? '', podIPs: status?.podIPs ?? [] },
  };
}

function hostNote(count: number): string[] {
  if (count === 0) return [];
  return [`Pods on the host's network (${count}) are left out: NetworkPolicies take them for their node.`];
}

/** The operator's own flags, read from its Deployment; the defaults where that cannot be seen. */
function configOf(operator: OperatorDeployment | undefined) {
  const container = operator?.spec?.template?.spec?.containers?.[0];
  const env = Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value]));
  const read = readConfig(container?.args ?? [], { ...env, POD_NAMESPACE: operator?.metadata.namespace });
  if ('config' in read && operator !== undefined) return { config: read.config, problem: undefined };
  const defaults = readConfig([], { POD_NAMESPACE: 'agentcard-system' });
  if ('problems' in defaults) throw new Error(defaults.problems.join('; '));
  const problem = "The operator's Deployment cannot be seen: its flags are taken to be the defaults.";
  return { config: defaults.config, problem };
}

async function clusterFacts(place: Place, dnsServices: readonly string[]) {
  const look = async (key: string) => {
    const [namespace = '', name = ''] = key.split('/');
    const there = { ...place, namespace };
    const service = await place.client.get<Service>(resources.services, key).catch(() => undefined);
    const all = (slice: EndpointSlice) => slice;
    const { seen: slices } = await sightOf(there, resources.endpointSlices, all, `${serviceNameLabel}=${name}`);
    return [service, slices.filter(({ metadata }) => metadata.namespace === namespace)] as const;
  };
  const dns = await Promise.all(dnsServices.map(async (key) => dnsFacts(...(await look(key)))));
  return {
    apiServer: apiServerFacts(...(await look('default/kubernetes'))),
    dns: dns.filter((one) => one !== undefined),
  };
}
