import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';

export const chart = 'charts/agentcard-operator';
export const namespace = 'agentcard-system';

/** Values by which the chart renders at all. */
export const image = 'image.repository=localhost/agentcard-operator';
export const verified = 'verifiedFetch.enabled=true,verifiedFetch.trustDomain=example.org';

export interface Rendered extends KubeObject {
  readonly kind: string;
  // A rendered object is read by paths of many shapes.
  readonly spec?: { readonly template?: PodTemplate } & Readonly<Record<string, unknown>>;
}

interface PodTemplate {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: Readonly<Record<string, unknown>> & { readonly containers: readonly Container[] };
}

interface Container extends Readonly<Record<string, unknown>> {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

export async function helm(...args: string[]): Promise<string> {
  const { helm } = await ensureTools(['helm']);
  return run(helm, args);
}

/** The chart's manifest under `--set` values; rejects with helm's words. */
export function render(...values: string[]): Promise<string> {
  const set = values.flatMap((value) => [value.includes('=[') ? '--set-json' : '--set', value]);
  return helm('template', 'demo', chart, '--namespace', namespace, '--kube-version', '1.37.0', '--set', image, ...set);
}

export function objectsOf(manifest: string): Rendered[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`not YAML: ${document.errors[0]?.message}`);
    const object: Rendered | null = document.toJS();
    return object === null ? [] : [object];
  });
}

export function podOf(objects: readonly Rendered[]): PodTemplate {
  const template = objects.find(({ kind }) => kind === 'Deployment')?.spec?.template;
  if (template === undefined) throw new Error('the chart rendered no Deployment');
  return template;
}

/** The operator's environment, as the flags will see it. */
export function environmentOf(objects: readonly Rendered[]): Record<string, string> {
  const [container] = podOf(objects).spec.containers;
  return Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value ?? '(downward API)']));
}
