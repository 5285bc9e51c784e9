import { resources } from '@agentcard-operator/kube/objects';
import { customResources } from '../../operator/api/resources.ts';
import type { Place } from './connection.ts';

/** The names of cards in a namespace, or of namespaces: the first thousand, since somebody is typing. */
export async function namesAt({ client, namespace }: Place, of: 'cards' | 'namespaces'): Promise<readonly string[]> {
  const where = of === 'cards' ? { namespace } : {};
  const resource = of === 'cards' ? customResources.agentCards : resources.namespaces;
  const { items } = await client.listPage(resource, { ...where, metadataOnly: true, limit: 1_000 });
  return items.map(({ metadata: { name } }) => name);
}
