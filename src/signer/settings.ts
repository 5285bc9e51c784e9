import * as z from 'zod';
import { address, boolean, durationTo } from '../operator/settings/flag-schemas.ts';
import { type FlagValues, flagsFrom } from '../operator/settings/flags.ts';

const path = z.string().regex(/^\S(.*\S)?$/, 'must be a path without spaces at its ends');

/** Every flag of agentcard-signer, with the variables that signers' deployments already set. */
export const flags = flagsFrom({
  sidecar: {
    schema: boolean,
    default: 'false',
    doc: 'Stay, and sign again whenever the X509-SVID is rotated, instead of signing once and exiting.',
  },
  unsignedCard: {
    variable: 'UNSIGNED_CARD_PATH',
    schema: path,
    default: '/etc/agentcard/agent.json',
    doc: 'File of the AgentCard as its author wrote it.',
  },
  card: {
    variable: 'AGENT_CARD_PATH',
    schema: path,
    default: '/app/.well-known/agent-card.json',
    doc: 'File that the signed AgentCard is written to, in a folder that the agent shares.',
  },
  spiffeEndpointSocket: {
    variable: 'SPIFFE_ENDPOINT_SOCKET',
    schema: z.string(),
    default: 'unix:///run/spire/sockets/agent.sock',
    doc: 'Address of the SPIFFE Workload API.',
  },
  signTimeout: {
    variable: 'SIGN_TIMEOUT',
    schema: durationTo('24h'),
    default: '30s',
    doc: 'Bound on signing once, the wait for an X509-SVID included. A sidecar waits for its X509-SVID without a bound.',
  },
  configmap: {
    schema: z.enum(['auto', 'required', 'off']),
    default: 'auto',
    doc: 'Whether the signed card also goes into the ConfigMap <agent name>-card-signed. auto: where --agent-name is set, and a failure is only logged.',
  },
  agentName: {
    variable: 'AGENT_NAME',
    schema: z.string(),
    doc: 'Name of the workload, which names the ConfigMap.',
  },
  podNamespace: {
    variable: 'POD_NAMESPACE',
    schema: z.string(),
    doc: "Namespace of the ConfigMap. Default: the service account's.",
  },
  podName: {
    variable: 'POD_NAME',
    schema: z.string(),
    doc: 'Name of this pod, which becomes an owner of the ConfigMap.',
  },
  podUid: {
    variable: 'POD_UID',
    schema: z.string(),
    doc: 'UID of this pod. Without name and UID nobody owns the ConfigMap, and it stays when the workload is gone.',
  },
  healthProbeBindAddress: {
    schema: address,
    default: ':8082',
    doc: 'Where a sidecar serves /healthz and /readyz; 0: nowhere.',
  },
});

export type Settings = FlagValues<typeof flags>;

/** What does not fit together. */
export function problemsOf({ configmap, agentName, card, unsignedCard }: Settings): readonly string[] {
  if (card === unsignedCard) return ['--card and --unsigned-card are one file: name another for the signed card'];
  if (configmap !== 'required' || agentName !== '') return [];
  return ['--configmap=required needs the name of the workload: set AGENT_NAME'];
}
