import { isDeepStrictEqual } from 'node:util';
import { type NetworkPolicy, type Pod, resources } from '../../../src/kube/objects.ts';
import type { AgentCard } from '../../../src/operator/api/agentcard.ts';
import { policyName, verifiedLabel } from '../../../src/operator/api/labels.ts';
import { customResources } from '../../../src/operator/api/resources.ts';
import type { Agent } from './agent.ts';
import { Watches } from './watches.ts';

/** How often something of one agent's was written since the beginning, whatever becomes of others meanwhile. */
export class AgentWrites {
  readonly counts = { status: 0, policy: 0, label: 0 };
  readonly #watches: Watches;

  private constructor(watches: Watches) {
    this.#watches = watches;
  }

  static async of(agent: Agent): Promise<AgentWrites> {
    const watches = await Watches.open(agent.world, agent.namespace);
    const writes = new AgentWrites(watches);
    const { counts } = writes;
    const policy = policyName({ kind: 'Deployment', name: agent.name });
    await Promise.all([
      watches.on<AgentCard>(customResources.agentCards, {
        update: (old, card) => {
          if (card.metadata.name === agent.name && !isDeepStrictEqual(old.status, card.status)) counts.status += 1;
        },
      }),
      watches.on<NetworkPolicy>(resources.networkPolicies, {
        update: (_, { metadata }) => {
          if (metadata.name === policy) counts.policy += 1;
        },
      }),
      watches.on<Pod>(resources.pods, {
        update: ({ metadata: old }, { metadata }) => {
          const worn = (labels: typeof metadata.labels) => labels?.[verifiedLabel];
          if (metadata.labels?.app === agent.name && worn(old.labels) !== worn(metadata.labels)) counts.label += 1;
        },
      }),
    ]);
    return writes;
  }

  [Symbol.dispose](): void {
    this.#watches.close();
  }
}
