import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse, stringify } from 'yaml';
import { apiGroup, leaseName } from '../../../src/operator/api/labels.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { chart, cleanupOf, image, namespace, objectsOf, podOf, type Rendered, testOf } from './helm.ts';

let server: ApiServer;
let tools: { readonly kubectl: string; readonly helm: string };
let folder: string;

beforeAll(async () => {
  tools = await ensureTools(['kubectl', 'helm']);
  server = await startApiServer();
  folder = await mkdtemp(join(tmpdir(), 'release-'));
  await kubectl(['create', 'namespace', namespace]);
});
afterAll(async () => {
  await server?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

const kubectl = (args: readonly string[], stdin?: string) =>
  run(tools.kubectl, ['--kubeconfig', server.kubeconfig, ...args], stdin === undefined ? {} : { stdin });
const helm = (...args: string[]) =>
  run(tools.helm, ['--kubeconfig', server.kubeconfig, '--namespace', namespace, ...args]);
const apply = (object: object) => kubectl(['apply', '-f', '-'], JSON.stringify(object));
const get = async <T>(...what: string[]) =>
  JSON.parse(await kubectl(['-n', namespace, 'get', ...what, '-o', 'json'])) as T;

/** As the Job controller would, since none runs here. */
async function finishJob(name: string): Promise<void> {
  const at = new Date().toISOString().replace(/\.\d+/, '');
  const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: at, lastProbeTime: at });
  const conditions = [condition('SuccessCriteriaMet'), condition('Complete')];
  const status = { startTime: at, completionTime: at, succeeded: 1, conditions };
  await kubectl([
    '-n',
    namespace,
    'patch',
    'job',
    name,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status }),
  ]);
}

describe('helm test', () => {
  const name = 'tried-agentcard-operator';

  /** What its pod runs, with the rights that the chart gives it. */
  async function tried(): Promise<string> {
    const token = await kubectl(['-n', namespace, 'create', 'token', `${name}-test`]);
    await writeFile(join(folder, 'token'), token);
    await writeFile(join(folder, 'ca.crt'), server.caPem);
    const env = {
      API_SERVER: server.url,
      NODE_EXTRA_CA_CERTS: join(folder, 'ca.crt'),
      TOKEN_FILE: join(folder, 'token'),
      ...{ API_GROUP: apiGroup, NAMESPACE: namespace, DEPLOYMENT: name, LEASE: leaseName, TRIES: '1' },
    };
    return run(process.execPath, [join(chart, 'files/helm-test.mjs')], { env }).catch(String);
  }

  test('passes when every replica is ready and one leads, and says what is missing until then', async () => {
    await helm('install', 'tried', chart, '--set', `${image},crd.install=false`);
    await kubectl(['apply', '--server-side', '-f', 'config/crd/agentcards.yaml']);
    const manifest = await run(tools.helm, [
      'template',
      'tried',
      chart,
      '-n',
      namespace,
      '--kube-version',
      '1.37.0',
      '--set',
      image,
    ]);
    for (const object of testOf(objectsOf(manifest)).filter(({ kind }) => kind !== 'Pod')) {
      await apply({ ...object, metadata: { ...object.metadata, namespace } });
    }
    expect(await tried()).toContain(`0 of 2 replicas of ${namespace}/${name} are ready`);
    const counts = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 };
    const status = JSON.stringify({ status: counts });
    await kubectl(['-n', namespace, 'patch', 'deployment', name, '--subresource=status', '--type=merge', '-p', status]);
    expect(await tried()).toContain(`leases/${leaseName}: HTTP 404`);
    const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: leaseName, namespace } };
    const spec = (renewTime: Date) => ({
      holderIdentity: 'one',
      leaseDurationSeconds: 15,
      renewTime: renewTime.toISOString().replace('Z', '000Z'),
    });
    await apply({ ...lease, spec: spec(new Date(0)) });
    expect(await tried()).toContain(`nobody renewed Lease ${leaseName}`);
    await apply({ ...lease, spec: spec(new Date()) });
    expect(await tried()).toBe(`${namespace}/${name} is ready, leads and serves its kind\n`);
    await helm('uninstall', 'tried', '--no-hooks');
    await kubectl(['delete', '-f', 'config/crd/agentcards.yaml']);
  });
});

describe('a release whose name is as long as helm takes', () => {
  const long = `a${'b'.repeat(51)}c`;

  test('installs and uninstalls, and leaves nothing but the kind', async () => {
    expect(long).toHaveLength(53);
    await helm('install', long, chart, '--set', image);
    const { items } = await get<{ items: Rendered[] }>('deployments');
    expect(items.map(({ metadata }) => metadata.name)).toEqual([`${long}-agentcard`]);
    const gone = helm('uninstall', long, '--timeout', '60s');
    await vi.waitFor(() => finishJob(`${long}-a-cleanup`), { timeout: 60_000, interval: 200 });
    await gone;
    const left = await kubectl([
      'get',
      `deployments,jobs,roles,rolebindings,serviceaccounts,clusterroles`,
      '-A',
      '-o',
      'name',
    ]);
    expect(left).not.toContain('bbbb');
  });

  test('keeps its hooks apart from those of others, by the whole name of the release', async () => {
    const hooks = async (release: string) => {
      const objects = objectsOf(
        await run(tools.helm, ['template', release, chart, '--kube-version', '1.37.0', '--set', image]),
      );
      return [...cleanupOf(objects), ...testOf(objects)].map(({ metadata }) => metadata.name);
    };
    const other = `a${'b'.repeat(51)}d`;
    const names = [...(await hooks(long)), ...(await hooks(other))];
    expect(names.filter((name) => name.length > 63)).toEqual([]);
    expect(new Set(names)).toEqual(
      new Set([long, other].flatMap((name) => [`${name}-a-cleanup`, `${name}-agen-test`])),
    );
  });
});

describe('an upgrade from a chart that lacked values', () => {
  /** Of nothing but a ConfigMap, and without what this chart brought since. */
  async function olderChart(): Promise<string> {
    const older = join(folder, 'older');
    await cp(chart, older, { recursive: true });
    for (const file of await readdir(join(older, 'templates'))) await rm(join(older, 'templates', file));
    await rm(join(older, 'values.schema.json'));
    const values = parse(await readFile(join(older, 'values.yaml'), 'utf8'));
    for (const added of ['podSecurityContext', 'extraEnv', 'enabled']) delete values[added];
    await writeFile(join(older, 'values.yaml'), stringify(values));
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'older' } };
    await writeFile(join(older, 'templates/map.yaml'), JSON.stringify(map));
    return older;
  }

  test('is refused with the way to do it, which keeps what was set', async () => {
    await helm('install', 'upgraded', await olderChart(), '--set', `${image},crd.install=false,replicas=3`);
    await expect(helm('upgrade', 'upgraded', chart, '--reuse-values')).rejects.toThrow(
      /the values lack \S+, .*Upgrade with --reset-then-reuse-values/,
    );
    await helm('upgrade', 'upgraded', chart, '--reset-then-reuse-values');
    expect((await get<Rendered>('deployment', 'upgraded-agentcard-operator')).spec).toMatchObject({ replicas: 3 });
    await helm('uninstall', 'upgraded', '--no-hooks');
  });
});

describe('on OpenShift', () => {
  const constraints = 'securitycontextconstraints';
  const kind = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${constraints}.security.openshift.io` },
    spec: {
      group: 'security.openshift.io',
      scope: 'Cluster',
      names: { kind: 'SecurityContextConstraints', plural: constraints, singular: constraints },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  };
  const allowed = [
    'configMap',
    'csi',
    'downwardAPI',
    'emptyDir',
    'ephemeral',
    'persistentVolumeClaim',
    'projected',
    'secret',
  ];
  /** What the constraints restricted-v2 ask for beyond restricted Pod Security. */
  const rule = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'restricted-v2' },
    spec: {
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
      variables: [
        {
          name: 'contexts',
          expression:
            '[object.spec.?securityContext] + object.spec.containers.map(c, c.?securityContext) + object.spec.?initContainers.orValue([]).map(c, c.?securityContext)',
        },
      ],
      validations: [
        {
          expression:
            'variables.contexts.all(c, !c.?runAsUser.hasValue() || (c.?runAsUser.value() >= 1000650000 && c.?runAsUser.value() <= 1000659999))',
          message: 'runAsUser: must be in the ranges: [1000650000, 1000659999]',
        },
        {
          expression: `object.spec.?volumes.orValue([]).all(v, ${allowed.map((name) => `has(v.${name})`).join(' || ')})`,
          message: 'this volume is not allowed',
        },
      ],
    },
  };
  const binding = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'restricted-v2' },
    spec: { policyName: 'restricted-v2', validationActions: ['Deny'] },
  };

  /** The pods of the release as the API server would have them made: operator, clean-up, helm test. */
  async function tryPods(manifest: string): Promise<readonly string[]> {
    const objects = objectsOf(manifest);
    const pods = [
      podOf(objects),
      podOf(cleanupOf(objects), 'Job'),
      ...testOf(objects).filter(({ kind: each }) => each === 'Pod'),
    ];
    expect(pods).toHaveLength(3);
    const create = ({ spec }: { spec?: object }) => {
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'probe-', namespace }, spec };
      return kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod)).then(() => 'admitted', String);
    };
    return Promise.all(pods.map(create));
  }

  const rendered = async (...values: string[]) => {
    const set = [image, 'crd.install=false', ...values].flatMap((value) => ['--set', value]);
    const said = await helm('install', 'demo', chart, '--dry-run=server', ...set, '--output', 'json');
    const { manifest, hooks } = JSON.parse(said) as { manifest: string; hooks: readonly { manifest: string }[] };
    return [manifest, ...hooks.map((hook) => hook.manifest)].join('\n---\n');
  };

  test('every pod is admitted by the range of its namespace, because it names no user; elsewhere by value alone', async () => {
    await kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted', '--overwrite']);
    await apply(rule);
    await apply(binding);
    const refused = expect.stringContaining('must be in the ranges');
    // A policy acts a moment after it was made.
    await vi.waitFor(async () => expect(await tryPods(await rendered())).toEqual([refused, refused, refused]), {
      timeout: 30_000,
      interval: 200,
    });
    const admitted = ['admitted', 'admitted', 'admitted'];
    expect(
      await tryPods(await rendered('podSecurityContext.runAsUser=null,podSecurityContext.runAsGroup=null')),
    ).toEqual(admitted);
    await apply(kind);
    await kubectl(['wait', '--for=condition=Established', '--timeout=30s', `crd/${kind.metadata.name}`]);
    await vi.waitFor(async () => expect(await tryPods(await rendered())).toEqual(admitted), {
      timeout: 30_000,
      interval: 200,
    });
    const csi = 'verifiedFetch.enabled=true,verifiedFetch.trustDomain=example.org';
    expect(await tryPods(await rendered(csi))).toEqual(admitted);
    expect(await tryPods(await rendered('podSecurityContext.runAsUser=1000650007'))).toEqual(admitted);
    expect(await tryPods(await rendered('podSecurityContext.runAsUser=1000'))).toEqual([refused, refused, refused]);
  });
});
