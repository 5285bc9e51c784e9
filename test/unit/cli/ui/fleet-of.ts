import type { Fleet } from '../../../../src/cli/explain/fleet.ts';
import type { AgentCard } from '../../../../src/operator/api/agentcard.ts';
import { enforcementLabel } from '../../../../src/operator/api/labels.ts';
import { workloadKey } from '../../../../src/operator/workload/workload.ts';
import { settings, snapshot, workload } from '../../operator/kit/builders.ts';

/** What a user who may see everything sees, each namespace in the mode that it is labelled with. */
export function fleetOf(cards: readonly AgentCard[], modes: Readonly<Record<string, string>>): Fleet {
  const workloads = cards.map(({ metadata: { name, namespace = '' } }) => {
    const labels = { app: name };
    return {
      ...workload,
      name,
      namespace,
      serviceAccount: name,
      selector: { matchLabels: labels },
      templateLabels: labels,
    };
  });
  return {
    cards,
    workloads: new Map(workloads.map((one) => [workloadKey(one.namespace, one), one])),
    ...{ pods: [], policies: [], settings, notes: [] },
    namespaceLabels: (name) => ({ [enforcementLabel]: modes[name] ?? 'off' }),
    peers: { ...snapshot().cluster, ...settings },
  };
}
