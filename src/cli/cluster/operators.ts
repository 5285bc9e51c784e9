import { type KubeObject, keyOf, resources } from '@agentcard-operator/kube/objects';
import { plainText } from '../../operator/api/budget.ts';
import { sightOf } from './cluster.ts';
import type { Place } from './connection.ts';

/** What the operator's pods wear, whatever its release is named. */
export const operatorSelector = 'app.kubernetes.io/name=agentcard-operator';

export interface OperatorDeployment extends KubeObject {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly OperatorContainer[] } } };
}

interface OperatorContainer {
  readonly image?: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

/** The operators that this user may see; the chart says their version by a label. */
export async function operatorsAt(place: Place) {
  const all = (one: OperatorDeployment) => one;
  const { seen } = await sightOf(place, resources.deployments, all, operatorSelector);
  return seen.map((deployment) => {
    const image = plainText(deployment.spec?.template?.spec?.containers?.[0]?.image ?? 'unknown');
    const version = plainText(deployment.metadata.labels?.['app.kubernetes.io/version'] ?? 'unknown');
    return { name: keyOf(deployment), version, image };
  });
}
