import { excerpt } from '@agentcard-operator/spiffe/x509';
import { blockedRemedies, targetRemedies } from '../api/conditions.ts';
import { agentTypeLabel, agentTypeValue } from '../api/labels.ts';
import type { Settings } from '../settings/settings.ts';
import { workloadKinds } from '../workload/kinds.ts';
import { meshOf } from '../workload/mesh.ts';
import { choosePaths, choosePort, chooseService, type Endpoint, endpointsOf } from '../workload/service.ts';
import { groupKind, isAgent, protocolsOf, spokenProtocol, type Workload } from '../workload/workload.ts';
import { demandedOf, noDemands } from './demanded.ts';
import type { Snapshot, Target, Unfound, Unreachable } from './snapshot.ts';

const supported = new Set(workloadKinds.map(({ resource }) => `${resource.group}/${resource.kind}`));

/** From a card to the agent behind it: workload, expected identity, Service, endpoints; or why not. */
export function resolve(snapshot: Snapshot, settings: Settings): Target {
  const { card, workload } = snapshot;
  const lost = conflict(snapshot);
  if (lost !== undefined || workload === undefined) return lost ?? missing(snapshot);
  const other = notAgent(workload);
  if (other !== undefined) return other;
  const demanded = demandedOf(snapshot, workload, settings);
  if (typeof demanded === 'string') return gone('Conflict', demanded);
  const absent = (reason: Unreachable['reason'], message: string): Unreachable => {
    return { resolved: false, reason, message, absent: workload, ...demanded };
  };
  const { path } = card.spec.endpoint ?? {};
  if (path !== undefined && choosePaths(card.spec, settings.cardPaths) === undefined) {
    return {
      ...absent('FetchFailed', `The path ${excerpt(path)} of spec.endpoint.path is not allowed.`),
      todo: blockedRemedies.PathNotAllowed,
    };
  }
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
    const message = `No pod of ${title(workload)} stands behind Service ${service}.`;
    if (!workload.suspended) return absent('WorkloadNotReady', message);
    return { ...absent('WorkloadNotReady', `${title(workload)} is suspended.`), todo: targetRemedies.suspended };
  }
  const { transport } = port;
  const mesh = meshOf(snapshot.namespaceMesh, workload.meshMarks);
  return { resolved: true, workload, protocol: spokenProtocol, ...demanded, transport, service, endpoints, mesh };
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
  return { resolved: false, reason, message, absent: undefined, ...noDemands };
}

function missing({ card, unreadKind, unborn }: Snapshot): Unfound {
  const { targetRef } = card.spec;
  if (targetRef === undefined) return gone('WorkloadNotFound', 'spec.targetRef is not set.');
  if (!supported.has(groupKind(targetRef))) {
    return gone('NotAgentWorkload', `Kind ${targetRef.kind} of ${targetRef.apiVersion} is not supported.`);
  }
  if (unreadKind !== undefined) {
    const message = `No ${targetRef.kind} can be read: ${unreadKind}.`;
    return { ...gone('WorkloadNotFound', message), todo: targetRemedies.unread };
  }
  if (unborn) {
    const message = `${targetRef.kind} ${targetRef.name} is suspended and has had no pod yet.`;
    return { ...gone('WorkloadNotFound', message), todo: targetRemedies.suspended };
  }
  return gone('WorkloadNotFound', `${targetRef.kind} ${targetRef.name} does not exist in this namespace.`);
}

function conflict({ winner }: Snapshot): Unfound | undefined {
  if (winner === undefined) return undefined;
  return gone('Conflict', `AgentCard ${winner.metadata.name} already stands for this workload.`);
}

function notAgent(workload: Workload): Unfound | undefined {
  if (!isAgent(workload))
    return gone('NotAgentWorkload', `${title(workload)} is not labelled ${agentTypeLabel}=${agentTypeValue}.`);
  const protocols = protocolsOf(workload);
  if (protocols.includes(spokenProtocol)) return undefined;
  const seen = protocols.length === 0 ? 'names no protocol' : `names only ${protocols.slice(0, 5).join(', ')}`;
  return gone('NoProtocol', `${title(workload)} ${seen}.`);
}
