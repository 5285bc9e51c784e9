import type { AgentCard } from '../../api/agentcard.ts';
import { readConfig } from '../../config.ts';
import type { EndpointSlice, KubeObject, NetworkPolicy, Pod, Resource, Service } from '../../kube/objects.ts';
import { resources } from '../../kube/objects.ts';
import { apiServerFacts, dnsFacts } from '../../network/facts.ts';
import type { PolicyPeers } from '../../network/policy.ts';
import { type Settings, settingsFrom } from '../../settings.ts';
import { workloadKinds } from '../../workload/kinds.ts';
import { serviceNameLabel } from '../../workload/service.ts';
import { type Workload, workloadKey } from '../../workload/workload.ts';
import { type Place, visible } from '../cluster.ts';

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

interface OperatorDeployment extends KubeObject {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly OperatorContainer[] } } };
}

interface OperatorContainer {
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

const operatorLabels = { 'app.kubernetes.io/name': 'agentcard-operator' };
const operatorSelector = 'app.kubernetes.io/name=agentcard-operator';

/** `packets`: with the pods and policies, which a summary of cards needs not. */
export async function loadFleet(place: Place, packets: boolean): Promise<Fleet> {
  const see = <T extends KubeObject, U>(resource: Resource, keep: (object: T) => U) => visible(place, resource, keep);
  const [operators, cards, allPods, policies, namespaces, ...raw] = await Promise.all([
    visible(place, resources.deployments, (one: OperatorDeployment) => one, operatorSelector),
    see(resources.agentCards, withoutText),
    packets ? see(resources.pods, seenByPolicies) : [],
    packets ? see(resources.networkPolicies, ({ metadata, spec }: NetworkPolicy) => ({ metadata, spec })) : [],
    see(resources.namespaces, ({ metadata: { name, labels = {} } }: KubeObject) => [name, labels] as const),
    ...workloadKinds.map(({ resource, read }) => see(resource, read)),
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
    peers: { operatorNamespace: config.podNamespace, operatorPodLabels: operatorLabels, ...facts, ...settings.policy },
    notes: [...(problem === undefined ? [] : [problem]), ...hostNote(running.length - pods.length)],
  };
}

function withoutText({ metadata, spec, status = {} }: AgentCard): AgentCard {
  const { card: _, ...rest } = status;
  return { metadata, spec, status: rest };
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
  const container = operator?.spec.template.spec.containers[0];
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
    const slices = await visible(there, resources.endpointSlices, all, `${serviceNameLabel}=${name}`);
    return [service, slices.filter(({ metadata }) => metadata.namespace === namespace)] as const;
  };
  const dns = await Promise.all(dnsServices.map(async (key) => dnsFacts(...(await look(key)))));
  return {
    apiServer: apiServerFacts(...(await look('default/kubernetes'))),
    dns: dns.filter((one) => one !== undefined),
  };
}
