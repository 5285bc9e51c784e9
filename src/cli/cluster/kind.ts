import type { KubeClient } from '@agentcard-operator/kube';
import { type KubeObject, resources } from '@agentcard-operator/kube/objects';
import { apiGroup } from '../../operator/api/labels.ts';

interface Definition extends KubeObject {
  readonly spec?: { readonly versions?: readonly { readonly schema?: unknown }[] };
}

const release = 'meta.helm.sh/release-name';
const releaseNamespace = 'meta.helm.sh/release-namespace';
/** A field of the status that only our kind has. */
const ownField = '"checks"';

/** What to do about an AgentCard kind that is another's: the command that takes it over. Undefined without one. */
export async function kindOwner(client: KubeClient): Promise<string | undefined> {
  const definition = await client.get<Definition>(resources.customResourceDefinitions, `agentcards.${apiGroup}`);
  if (definition === undefined) return undefined;
  const { annotations = {} } = definition.metadata;
  const owner = annotations[release];
  const whose = owner === undefined ? 'no helm release' : `helm release ${annotations[releaseNamespace]}/${owner}`;
  const lacks = JSON.stringify(definition.spec ?? {}).includes(ownField) ? '' : ' and lacks our fields';
  return (
    `The AgentCard kind belongs to ${whose}${lacks}. A release of another name or namespace takes it over by\n` +
    '  helm install --take-ownership agentcard-operator charts/agentcard-operator --namespace agentcard-system …'
  );
}
