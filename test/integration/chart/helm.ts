import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../src/kube/objects.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { kubeVersion } from '../kube-version.ts';

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
  return renderOn([spiffeKind], ...set);
}

export const spiffeKind = 'spire.spiffe.io/v1alpha1/ClusterSPIFFEID';

/** As {@link render}, by helm's own arguments, for a cluster that serves more kinds than Kubernetes itself. */
export function renderOn(kinds: readonly string[], ...args: string[]): Promise<string> {
  const cluster = ['--kube-version', kubeVersion, ...kinds.flatMap((kind) => ['--api-versions', kind])];
  return helm('template', 'demo', chart, '--namespace', namespace, ...cluster, '--set', image, ...args);
}

const everywhere = /^(Cluster|CustomResourceDefinition|ValidatingAdmission|MutatingAdmission)/;

/** The manifest with the release's namespace written out, as helm puts it there: kubectl takes no mixture. */
export function placed(manifest: string): string {
  const place = (object: Rendered) =>
    everywhere.test(object.kind) ? object : { ...object, metadata: { namespace, ...object.metadata } };
  // As JSON: what older YAML takes for false, such as an unquoted off, stays text.
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objectsOf(manifest).map(place) });
}

const hook = 'helm.sh/hook';

/** What an installation creates: not what exists for the clean-up alone. */
export function installed(objects: readonly Rendered[]): Rendered[] {
  return objects.filter(({ metadata }) => metadata.annotations?.[hook] === undefined);
}

export function cleanupOf(objects: readonly Rendered[]): Rendered[] {
  return objects.filter(({ metadata }) => metadata.annotations?.[hook] === 'pre-delete');
}

/** Kind and name, with the namespace of those that name one. */
export function named({ kind, metadata: { namespace: where, name } }: Rendered): string {
  return `${kind} ${where === undefined ? '' : `${where}/`}${name}`;
}

export function objectsOf(manifest: string): Rendered[] {
  return parseAllDocuments(manifest).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(`not YAML: ${document.errors[0]?.message}`);
    const object: Rendered | null = document.toJS();
    return object === null ? [] : [object];
  });
}

/** By `helm test`. */
export function testOf(objects: readonly Rendered[]): Rendered[] {
  return objects.filter(({ metadata }) => metadata.annotations?.[hook] === 'test');
}

export function podOf(objects: readonly Rendered[], of: 'Deployment' | 'Job' = 'Deployment'): PodTemplate {
  const template = objects.find(({ kind }) => kind === of)?.spec?.template;
  if (template === undefined) throw new Error(`the chart rendered no ${of}`);
  return template;
}

/** A Deployment of one of the pods that probe the network. */
export function isProbe({ kind, metadata }: Rendered): boolean {
  return kind === 'Deployment' && metadata.name.startsWith('probe-');
}

/** The operator's environment, as the flags will see it. */
export function environmentOf(objects: readonly Rendered[]): Record<string, string> {
  const [container] = podOf(objects).spec.containers;
  return Object.fromEntries((container?.env ?? []).map(({ name, value }) => [name, value ?? '(downward API)']));
}
