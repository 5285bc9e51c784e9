import type { Informer, KubeClient } from '@agentcard-operator/kube';
import { type ConfigMap, resources } from '@agentcard-operator/kube/objects';
import { signedCardKeys, signedCardName } from '../../api/labels.ts';
import type { Workload } from '../../workload/workload.ts';

/** The card in the signer's ConfigMap: from the watched copy, else, for a ConfigMap without our label or one too long to be kept, by one GET. */
export function signedCardReader(client: KubeClient, watched: Informer<ConfigMap> | undefined) {
  return async (workload: Workload): Promise<Uint8Array | undefined> => {
    if (watched === undefined) return undefined;
    const key = `${workload.namespace}/${signedCardName(workload)}`;
    const copy = watched.get(key);
    const held = copy?.data === undefined ? await client.get<ConfigMap>(resources.configMaps, key) : copy;
    const text = signedCardKeys.map((name) => held?.data?.[name]).find((value) => value !== undefined);
    return text === undefined ? undefined : Buffer.from(text, 'utf8');
  };
}
