import type { Informer, KubeClient } from '@agentcard-operator/kube';
import { type ConfigMap, resources } from '@agentcard-operator/kube/objects';
import { signedCardName } from '../../api/labels.ts';
import type { Workload } from '../../workload/workload.ts';

const keys = ['signed-agent-card.json', 'agent-card.json'] as const;

/** The card in the signer's ConfigMap: from the watched copy, else, for a ConfigMap without our label, by one GET. */
export function signedCardReader(client: KubeClient, watched: Informer<ConfigMap> | undefined) {
  return async (workload: Workload): Promise<Uint8Array | undefined> => {
    if (watched === undefined) return undefined;
    const key = `${workload.namespace}/${signedCardName(workload)}`;
    const held = watched.get(key) ?? (await client.get<ConfigMap>(resources.configMaps, key));
    const text = keys.map((name) => held?.data?.[name]).find((value) => value !== undefined);
    return text === undefined ? undefined : Buffer.from(text, 'utf8');
  };
}
