import { hasCode, type KubeClient, resourcePath } from '@agentcard-operator/kube';
import { type ConfigMap, type OwnerReference, resources } from '@agentcard-operator/kube/objects';
import { signedCardLabel, signedCardName } from '../operator/api/labels.ts';

const fieldManager = 'agentcard-signer';
const dataKey = 'signed-agent-card.json';
const mostAttempts = 10;

export interface Place {
  readonly agent: string;
  readonly namespace: string;
  /** Undefined: nobody owns the ConfigMap. */
  readonly pod: { readonly name: string; readonly uid: string } | undefined;
}

/**
 * Writes the signed card where the operator finds it when the agent itself serves no TLS. Every pod of the workload is an
 * owner, so the ConfigMap goes when the last of them does. Returns its key. Throws ApiError.
 */
export async function writeConfigMap(
  client: KubeClient,
  place: Place,
  text: string,
  signal: AbortSignal,
): Promise<string> {
  const key = `${place.namespace}/${signedCardName({ name: place.agent })}`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const existing = await client.get<ConfigMap>(resources.configMaps, key, { signal });
      const body = configMapOf(place, text, existing);
      if (existing === undefined) await create(client, body, signal);
      else await client.patch(resources.configMaps, key, body, { type: 'apply', fieldManager, force: true, signal });
      return key;
    } catch (error) {
      // Another pod of the workload was faster, or the garbage collector was: look again at who owns it now.
      const isStale = hasCode(error, 409) || hasCode(error, 404);
      if (!isStale || attempt === mostAttempts) throw error;
    }
  }
}

/** Not applied: of two pods that apply at once what is not there, the second would take the first one's ownership away. */
async function create(client: KubeClient, body: ConfigMap, signal: AbortSignal): Promise<void> {
  const path = resourcePath(resources.configMaps, body.metadata.namespace);
  await client.json({ method: 'POST', path, query: { fieldManager }, body, signal });
}

function configMapOf({ agent, namespace, pod }: Place, text: string, existing: ConfigMap | undefined): ConfigMap {
  const { uid, resourceVersion, ownerReferences = [] } = existing?.metadata ?? {};
  const others = ownerReferences.filter((owner) => owner.uid !== pod?.uid);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: signedCardName({ name: agent }),
      namespace,
      labels: { [signedCardLabel]: 'true' },
      ownerReferences: pod === undefined ? others : [...others, ownerOf(pod)],
      // Preconditions: the object that was read, unchanged. Without the uid, one that is gone would be made again.
      ...(uid === undefined || resourceVersion === undefined ? {} : { uid, resourceVersion }),
    },
    data: { [dataKey]: text },
  };
}

function ownerOf(pod: { readonly name: string; readonly uid: string }): OwnerReference {
  return { apiVersion: 'v1', kind: 'Pod', ...pod, controller: false, blockOwnerDeletion: false };
}
