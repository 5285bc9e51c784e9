import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { Cluster } from './cluster.ts';
import { imageFromFolder } from './images.ts';
import { ensureTools } from './tools.ts';

const image = 'localhost/agent-sandbox-controller:1';
const definition = 'sandboxes.agents.x-k8s.io';

/** Which versions of Sandboxes the cluster serves. */
export type Served = Readonly<Record<'v1alpha1' | 'v1beta1', boolean>>;

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly versions?: { name: string; served: boolean }[];
    readonly template?: { readonly spec: { readonly containers: { image: string; imagePullPolicy?: string }[] } };
  };
}

/** The kind and the controller of Agent Sandbox, by the project's own manifests but for the image and the versions that are served. */
export async function installAgentSandbox(cluster: Cluster, served: Served): Promise<void> {
  const tools = await ensureTools(['agent-sandbox-controller', 'agent-sandbox-manifests']);
  const program = '/opt/bin/agent-sandbox-controller';
  const files = { [program]: tools['agent-sandbox-controller'], '/tmp': { folderMode: 0o1777 } };
  await cluster.loadImage(await imageFromFolder({ name: image, files, entrypoint: [program] }));
  const names = ['crds/agents.x-k8s.io_sandboxes.yaml', 'rbac.generated.yaml', 'controller.yaml'];
  const texts = await Promise.all(names.map((name) => readFile(join(tools['agent-sandbox-manifests'], name), 'utf8')));
  const manifests = texts.flatMap((text) =>
    parseAllDocuments(text).map((document) => document.toJS() as Manifest | null),
  );
  const ours = manifests.filter((manifest) => manifest !== null).map((manifest) => adapted(manifest, served));
  // The kind is longer than an annotation may be.
  const apply = ['apply', '--server-side', '--force-conflicts', '-f', '-'];
  await cluster.kubectl(apply, ours.map((manifest) => stringify(manifest)).join('---\n'));
  await cluster.kubectl(['wait', '--for=condition=Established', `customresourcedefinition/${definition}`]);
  const rollout = ['rollout', 'status', 'deployment/agent-sandbox-controller', '--timeout=120s'];
  await cluster.kubectl(['--namespace', 'agent-sandbox-system', ...rollout]);
}

function adapted(manifest: Manifest, served: Served): Manifest {
  for (const version of manifest.spec?.versions ?? []) version.served = served[version.name as keyof Served];
  for (const container of manifest.spec?.template?.spec.containers ?? []) {
    Object.assign(container, { image, imagePullPolicy: 'Never' });
  }
  return manifest;
}

export async function serveSandboxes(cluster: Cluster, served: Served): Promise<void> {
  const read = await cluster.kubectl(['get', 'customresourcedefinition', definition, '-o', 'json']);
  const { versions = [] } = (JSON.parse(read) as Manifest).spec ?? {};
  const change = versions.map(({ name }, index) => {
    return { op: 'replace', path: `/spec/versions/${index}/served`, value: served[name as keyof Served] };
  });
  await cluster.kubectl(['patch', 'customresourcedefinition', definition, '--type=json', '-p', JSON.stringify(change)]);
}

/** Nothing of it stays on the cluster. */
export async function removeAgentSandbox(cluster: Cluster): Promise<void> {
  const gone = ['--ignore-not-found', '--wait=false'];
  await cluster.kubectl(['delete', 'customresourcedefinition', definition, ...gone]);
  for (const kind of ['clusterrole', 'clusterrolebinding']) {
    await cluster.kubectl(['delete', kind, 'agent-sandbox-controller', ...gone]);
  }
  await cluster.kubectl(['delete', 'namespace', 'agent-sandbox-system', ...gone]);
}
