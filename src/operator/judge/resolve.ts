import type { Settings } from '../settings/settings.ts';
import { workloadKinds } from '../workload/kinds.ts';
import { choosePort, chooseService, type Endpoint, endpointsOf } from '../workload/service.ts';
import { groupKind, isAgent, protocolsOf, type Workload } from '../workload/workload.ts';
import { winnerOver } from './conflict.ts';
import { expectedIds } from './expected.ts';
import type { Snapshot, Target, Unfound, Unreachable } from './snapshot.ts';

const supported = new Set(workloadKinds.map(({ resource }) => `${resource.group}/${resource.kind}`));
const spokenProtocol = 'a2a';

/** From a card to the agent behind it: workload, expected identity, Service, endpoints; or why not. */
export function resolve(snapshot: Snapshot, settings: Settings): Target {
  const { card, workload } = snapshot;
  const found = workload === undefined ? missing(snapshot) : (conflict(snapshot) ?? notAgent(workload));
  if (workload === undefined || found !== undefined) return found ?? missing(snapshot);
  const expected = expectation(snapshot, workload, settings);
  const strict = strictness(snapshot, settings);
  const absent = (reason: Unreachable['reason'], message: string): Unreachable => {
    return { resolved: false, reason, message, absent: workload, expected, strict };
  };
  const choice = chooseService(card.spec, workload, snapshot.services, settings.agentTlsPortName);
  if (!choice.ok) return absent(choice.reason, choice.message);
  const port = choosePort(card.spec, choice.service, settings.mtls, settings.agentTlsPortName);
  if (port.transport === 'none') return absent('ServiceNotFound', port.message);
  const service = choice.service.metadata.name;
  const endpoints = withSignedCard(
    endpointsOf(choice.service, snapshot.slicesOf(service), port.portName),
    port.transport === 'mtls' ? undefined : snapshot.signedCardVersion,
  );
  if (endpoints.length === 0) {
    return absent('WorkloadNotReady', `No pod of ${title(workload)} stands behind Service ${service}.`);
  }
  const { transport } = port;
  return { resolved: true, workload, protocol: spokenProtocol, expected, strict, transport, service, endpoints };
}

/** A changed ConfigMap of a signed card calls for another look at every pod that it speaks for. */
function withSignedCard(endpoints: readonly Endpoint[], version: string | undefined): readonly Endpoint[] {
  if (version === undefined) return endpoints;
  return endpoints.map((endpoint) => ({ ...endpoint, version: `${endpoint.version} ${version}` }));
}

function title(workload: Workload): string {
  return `${workload.kind} ${workload.name}`;
}

function gone(reason: Unfound['reason'], message: string): Unfound {
  return { resolved: false, reason, message, absent: undefined, expected: [], strict: true };
}

function missing({ card }: Snapshot): Unfound {
  const { targetRef } = card.spec;
  if (targetRef === undefined) return gone('WorkloadNotFound', 'spec.targetRef is not set.');
  if (!supported.has(groupKind(targetRef))) {
    return gone('NotAgentWorkload', `Kind ${targetRef.kind} of ${targetRef.apiVersion} is not supported.`);
  }
  return gone('WorkloadNotFound', `${targetRef.kind} ${targetRef.name} does not exist in this namespace.`);
}

function conflict({ card, siblings }: Snapshot): Unfound | undefined {
  const winner = winnerOver(card, siblings);
  if (winner === undefined) return undefined;
  return gone('Conflict', `AgentCard ${winner.metadata.name} already stands for this workload.`);
}

function notAgent(workload: Workload): Unfound | undefined {
  if (!isAgent(workload)) return gone('NotAgentWorkload', `${title(workload)} is not labelled kagenti.io/type=agent.`);
  const protocols = protocolsOf(workload);
  if (protocols.includes(spokenProtocol)) return undefined;
  const seen = protocols.length === 0 ? 'names no protocol' : `names only ${protocols.slice(0, 5).join(', ')}`;
  return gone('NoProtocol', `${title(workload)} ${seen}.`);
}

/**
 * Settings were checked at start; a card's own wrong trust domain leaves nothing that could be proven. Under `floor` no card
 * says who may answer for its workload.
 */
function expectation({ card }: Snapshot, workload: Workload, settings: Settings): readonly string[] {
  if (!settings.mtls && !settings.signature) return [];
  const { trustDomain, spiffeIdTemplate, strictBinding } = settings;
  const { namespace, serviceAccount } = workload;
  const spec = strictBinding === 'floor' ? { ...card.spec, identityBinding: undefined } : card.spec;
  const ids = expectedIds(spec, spiffeIdTemplate, { trustDomain, namespace, serviceAccount });
  return ids.ok ? ids.value : [];
}

/** `floor` lets no card loosen; else the card decides, and the flag where the card is silent. */
function strictness({ card }: Snapshot, settings: Settings): boolean {
  if (settings.strictBinding === 'floor') return true;
  return card.spec.identityBinding?.strict ?? settings.strictBinding === 'true';
}
