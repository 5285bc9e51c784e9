import { hash } from 'node:crypto';
import { ownFamily } from './names.ts';

/** Every label, annotation and port name that the operator reads or writes, and how it names its objects. */
export const apiGroup = ownFamily.group;

/** Read from workloads, under the names of every family; these are the ones that people are told. */
export const agentTypeLabel = ownFamily.type;
export const agentTypeValue = 'agent';
export const protocolLabelPrefix = ownFamily.protocolPrefix;
export const autoCardAnnotation = `${apiGroup}/auto-card`;

/** Read from AgentCards: any new value asks the agent now. */
export const refreshAnnotation = `${apiGroup}/refresh`;

/** On pods and Services that get an Envoy from the chart's admission policies: nothing reads it but them, and `explain`. */
export const injectLabel = `${apiGroup}/inject`;

/** Read from Namespaces: off, audit or enforce. */
export const enforcementLabel = `${apiGroup}/enforcement`;

/** Written on pods, in place. */
export const verifiedLabel = ownFamily.verified;
/** Which identity was proven: what policies let in by name. */
export const identityLabel = `${apiGroup}/identity`;
export const attestedAnnotation = `${apiGroup}/attested`;

/** The ConfigMap in the operator's own namespace that quarantines over every card's head. */
export const quarantineListName = 'agentcard-quarantine';

/** The Lease of the replicas, in the operator's own namespace. */
export const leaseName = 'agentcard-operator';

/** Written on NetworkPolicies. */
export const managedByLabel = 'app.kubernetes.io/managed-by';
export const managedByValue = 'agentcard-operator';
/** Of the operator's own pods, in every deployment. */
export const operatorPodLabels = { 'app.kubernetes.io/name': managedByValue } as const;
/** Of the pods that show whether the network enforces NetworkPolicies: never the operator's own name, which policies let in. */
export const probePodLabels = {
  'app.kubernetes.io/name': 'agentcard-network-probe',
  'app.kubernetes.io/component': 'dialler',
} as const;
export const probePoolLabel = 'agentcard-network-probe/pool';
/** How many pools there are: one without any pod has shown nothing. */
export const probePoolsLabel = 'agentcard-network-probe/pools';

const policyType = 'identity-verification';

export function policyLabels(card: string): Readonly<Record<string, string>> {
  return {
    [managedByLabel]: managedByValue,
    [ownFamily.policyCard]: fitName(card),
    [ownFamily.policyType]: policyType,
  };
}

/** Chooses the operator's NetworkPolicies. */
export const ownPolicies = `${managedByLabel}=${managedByValue},${ownFamily.policyType}=${policyType}`;

/** Read from ConfigMaps that hold a signed card. */
export const signedCardLabel = `${apiGroup}/card`;

/** The Service port behind which an agent answers over SPIFFE mutual TLS, unless --agent-tls-port-name names another. */
export const tlsPortName = 'agent-tls';

const longestName = 63;

/** The name as it is when it fits a label value (63 characters), else cut and told apart by a hash of the whole. */
export function fitName(name: string): string {
  if (name.length <= longestName) return name;
  const digits = hash('sha256', name).slice(0, 8);
  return `${name.slice(0, longestName - 9).replace(/[^A-Za-z0-9]+$/, '')}-${digits}`;
}

/** Deployments keep the name that existing scripts know; other kinds carry theirs. */
export function policyName(workload: { kind: string; name: string }): string {
  const middle = workload.kind === 'Deployment' ? '' : `-${workload.kind.toLowerCase()}`;
  return fitName(`${workload.name}${middle}-signature-policy`);
}

export function autoCardName(workload: { kind: string; name: string }): string {
  return fitName(`${workload.name}-${workload.kind.toLowerCase()}-card`);
}

/** The ConfigMap `<workload>-card-signed` holds the card as its signer wrote it. */
export const signedCardSuffix = '-card-signed';
/** Of that ConfigMap's data, the first that is there. */
export const signedCardKeys = ['signed-agent-card.json', 'agent-card.json'] as const;

export function signedCardName(workload: { name: string }): string {
  return workload.name + signedCardSuffix;
}
