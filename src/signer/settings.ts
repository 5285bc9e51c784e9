import * as z from 'zod';
import { address, boolean, duration } from '../operator/settings/flag-schemas.ts';
import type { Flag, FlagValues } from '../operator/settings/flags.ts';

const path = z.string().min(1, 'must be a path');

/** Every flag of agentcard-signer, with the variables that signers' deployments already set. */
export const flags = {
  sidecar: {
    name: 'sidecar',
    schema: boolean,
    default: 'false',
    doc: 'Stay, and sign again whenever the X509-SVID is rotated, instead of signing once and exiting.',
  },
  unsignedCard: {
    name: 'unsigned-card',
    variable: 'UNSIGNED_CARD_PATH',
    schema: path,
    default: '/etc/agentcard/agent.json',
    doc: 'File of the AgentCard as its author wrote it.',
  },
  card: {
    name: 'card',
    variable: 'AGENT_CARD_PATH',
    schema: path,
    default: '/app/.well-known/agent-card.json',
    doc: 'File that the signed AgentCard is written to, in a folder that the agent shares.',
  },
  spiffeEndpointSocket: {
    name: 'spiffe-endpoint-socket',
    variable: 'SPIFFE_ENDPOINT_SOCKET',
    schema: z.string(),
    default: 'unix:///run/spire/sockets/agent.sock',
    doc: 'Address of the SPIFFE Workload API.',
  },
  signTimeout: {
    name: 'sign-timeout',
    variable: 'SIGN_TIMEOUT',
    schema: duration,
    default: '30s',
    doc: 'Bound on signing once, the wait for an X509-SVID included. A sidecar waits for its X509-SVID without a bound.',
  },
  configmap: {
    name: 'configmap',
    schema: z.enum(['auto', 'required', 'off']),
    default: 'auto',
    doc: 'Whether the signed card also goes into the ConfigMap <agent name>-card-signed. auto: where --agent-name is set, and a failure is only logged.',
  },
  agentName: {
    name: 'agent-name',
    variable: 'AGENT_NAME',
    schema: z.string(),
    default: '',
    doc: 'Name of the workload, which names the ConfigMap.',
  },
  podNamespace: {
    name: 'pod-namespace',
    variable: 'POD_NAMESPACE',
    schema: z.string(),
    default: '',
    doc: "Namespace of the ConfigMap. Default: the service account's.",
  },
  podName: {
    name: 'pod-name',
    variable: 'POD_NAME',
    schema: z.string(),
    default: '',
    doc: 'Name of this pod, which becomes an owner of the ConfigMap.',
  },
  podUid: {
    name: 'pod-uid',
    variable: 'POD_UID',
    schema: z.string(),
    default: '',
    doc: 'UID of this pod. Without name and UID nobody owns the ConfigMap, and it stays when the workload is gone.',
  },
  healthProbeBindAddress: {
    name: 'health-probe-bind-address',
    schema: address,
    default: ':8082',
    doc: 'Where a sidecar serves /healthz and /readyz; 0: nowhere.',
  },
} as const satisfies Record<string, Flag>;

export type Settings = FlagValues<typeof flags>;

/** What does not fit together. */
export function problemsOf({ configmap, agentName }: Settings): readonly string[] {
  if (configmap !== 'required' || agentName !== '') return [];
  return ['--configmap=required needs the name of the workload: set AGENT_NAME'];
}
