import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { kindOwner } from '../../../src/cli/cluster/kind.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { connect } from '../kube/rig.ts';
import { chart, image, namespace } from './helm.ts';

let server: ApiServer;
let tools: { readonly kubectl: string; readonly helm: string };

beforeAll(async () => {
  tools = await ensureTools(['kubectl', 'helm']);
  server = await startApiServer();
});
afterAll(() => server?.stop());

const kind = 'agentcards.agent.kagenti.dev';
const kubectl = (args: readonly string[], stdin?: string) =>
  run(tools.kubectl, ['--kubeconfig', server.kubeconfig, ...args], stdin === undefined ? {} : { stdin });
const helm = (...args: string[]) => run(tools.helm, ['--kubeconfig', server.kubeconfig, ...args]);
const install = (release: string, ...more: string[]) =>
  helm('install', release, chart, '--namespace', namespace, '--create-namespace', '--set', image, ...more);

interface Definition {
  metadata: { name: string; annotations: Record<string, string>; labels: Record<string, string> };
  spec: {
    versions: { schema: { openAPIV3Schema: { properties: { status: { properties: Record<string, unknown> } } } } }[];
  };
}

const definition = async () => JSON.parse(await kubectl(['get', 'crd', kind, '-o', 'json'])) as Definition;
const statusOf = ({ spec }: Definition) => spec.versions[0]?.schema.openAPIV3Schema.properties.status.properties ?? {};

/** The kind as the Go operator's chart brings it: without our fields, owned by its release. */
async function installPredecessor(): Promise<void> {
  const other = parse(await readFile('config/crd/agentcards.yaml', 'utf8')) as Definition;
  for (const field of ['checks', 'source', 'replicas', 'heldSince', 'policy', 'history']) delete statusOf(other)[field];
  other.metadata.labels = { 'app.kubernetes.io/managed-by': 'Helm' };
  const release = {
    'meta.helm.sh/release-name': 'kagenti-operator',
    'meta.helm.sh/release-namespace': 'kagenti-system',
  };
  other.metadata.annotations = { ...release, 'helm.sh/resource-policy': 'keep' };
  await kubectl(['apply', '--server-side', '-f', '-'], stringify(other));
}

test('over the kind of the Go operator, the command that migrate prints is the one that works', async () => {
  await installPredecessor();
  const told = await kindOwner(connect(server));
  expect(told).toContain('helm release kagenti-system/kagenti-operator and lacks our fields');
  expect(told).toContain('helm install --take-ownership');
  await expect(install('agentcard-operator')).rejects.toThrow(/invalid ownership metadata|take-ownership/);
  await install('agentcard-operator', '--take-ownership');
  const taken = await definition();
  expect(statusOf(taken)).toHaveProperty('checks');
  expect(taken.metadata.annotations['meta.helm.sh/release-name']).toBe('agentcard-operator');
});

test('the same command works over our own kind that a release of another name left behind', async () => {
  await helm('uninstall', 'agentcard-operator', '--namespace', namespace, '--no-hooks');
  expect(statusOf(await definition())).toHaveProperty('checks');
  await expect(install('other')).rejects.toThrow(/invalid ownership metadata|take-ownership/);
  await install('other', '--take-ownership');
  expect((await definition()).metadata.annotations['meta.helm.sh/release-name']).toBe('other');
  expect(await kindOwner(connect(server))).toContain(`helm release ${namespace}/other. `);
});
