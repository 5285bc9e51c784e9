import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { until } from '../../cluster/until.ts';
import { kubeVersion } from '../kube-version.ts';
import { chart, helm, image, namespace, objectsOf, type Rendered, renderOn } from './helm.ts';

const served = 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy';

/** The chart on a cluster that serves these kinds besides the usual ones. */
function rendered(apiVersions: readonly string[], ...values: string[]): Promise<string> {
  const set = [image, ...values].flatMap((value) => ['--set', value]);
  const apis = apiVersions.flatMap((version) => ['--api-versions', version]);
  return helm('template', 'demo', chart, '--namespace', namespace, '--kube-version', kubeVersion, ...apis, ...set);
}

/** The admission policies and their bindings, as "kind name action…". */
async function policies(apiVersions: readonly string[], ...values: string[]): Promise<string[]> {
  const objects = objectsOf(await rendered(apiVersions, ...values));
  return objects
    .filter(({ kind }) => kind.includes('AdmissionPolicy'))
    .map(describePolicy)
    .sort();
}

function describePolicy({ kind, metadata, spec = {} }: Rendered): string {
  const actions = spec.validationActions as readonly string[] | undefined;
  const name = metadata.name.replace('demo-agentcard-operator-', '');
  return [kind.replace('AdmissionPolicy', ''), name, ...(actions ?? [])].join(' ');
}

const guard = [
  'Validating verified-label',
  'Validating verified-label-restraint',
  'ValidatingBinding verified-label Deny',
  'ValidatingBinding verified-label-restraint Deny',
];
const trust = ['Validating trust', 'ValidatingBinding trust Deny'];
const strip = ['Mutating verified-label', 'MutatingBinding verified-label'];
const onCreate = (action: string) => [
  'Validating verified-label-on-create',
  `ValidatingBinding verified-label-on-create ${action}`,
];

describe('admission policies', () => {
  test.each([
    ['strip the label on create where that is served', [served], [], [...guard, ...trust, ...strip]],
    ['warn elsewhere', [], [], [...guard, ...trust, ...onCreate('Warn')]],
    [
      'deny on request, served or not',
      [served],
      ['labelGuard.onCreate=Deny'],
      [...guard, ...trust, ...onCreate('Deny')],
    ],
    ['leave the label alone on request', [served], ['labelGuard.enabled=false'], trust],
    ['leave the cards alone on request', [served], ['trustGuard.enabled=false'], [...guard, ...strip]],
  ])('%s', async (_, apis, values, expected) => {
    expect(await policies(apis, ...values)).toEqual([...expected].sort());
  });

  test('reach as far as the operator does', async () => {
    const reach = objectsOf(
      await rendered([served], 'config.namespaces={a,b},labelGuard.enabled=true,trustGuard.enabled=true'),
    )
      .filter(({ kind, metadata }) => kind.endsWith('AdmissionPolicy') && !metadata.name.endsWith('-restraint'))
      .map(({ spec = {} }) => (spec.matchConstraints as { namespaceSelector?: object }).namespaceSelector);
    expect(reach).toHaveLength(3);
    for (const one of reach) {
      expect(one).toEqual({
        matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: ['a', 'b'] }],
      });
    }
  });

  test('name the operator as the API server will see it', async () => {
    const text = await rendered([], 'serviceAccount.name=mine');
    expect(text.match(/system:serviceaccount:agentcard-system:mine/g)).toHaveLength(2);
  });
});

describe('a protected card', () => {
  let server: ApiServer;
  let kubectl: (args: readonly string[], stdin?: string) => Promise<string>;
  const collector = 'system:serviceaccount:kube-system:generic-garbage-collector';
  const allControllers = 'system:kube-controller-manager';
  const approvedCardId = 'a'.repeat(64);
  const quarantine = { reason: 'drill' };

  beforeAll(async () => {
    const tools = await ensureTools(['kubectl', 'helm']);
    server = await startApiServer();
    kubectl = (args, stdin) =>
      run(tools.kubectl, ['--kubeconfig', server.kubeconfig, ...args], stdin === undefined ? {} : { stdin });
    await kubectl(['apply', '--server-side', '-f', 'config/crd/agentcards.yaml']);
    await kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd/agentcards.agent.kagenti.dev']);
    const guard = await renderOn([], '--show-only', 'templates/admission-trust.yaml');
    await kubectl(['apply', '--server-side', '-f', '-'], guard);
    await kubectl(['create', 'namespace', 'team']);
    await create('probe', { quarantine });
    await until({ what: 'the guard to be heard', timeoutMs: 60_000 }, async () => {
      const refused = remove(collector, 'probe', '--dry-run=server').then(() => undefined);
      return refused.catch(() => true);
    });
  });
  afterAll(() => server?.stop());

  /** With an owner that is not there, which is what the collector looks for. */
  async function create(name: string, protection: object): Promise<void> {
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'nope', uid: '11111111-1111-1111-1111-111111111111' };
    const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
    const metadata = { name, namespace: 'team', ownerReferences: [owner] };
    const card = { apiVersion: 'agent.kagenti.dev/v1alpha1', kind: 'AgentCard', metadata };
    await kubectl(['create', '-f', '-'], JSON.stringify({ ...card, spec: { targetRef, ...protection } }));
  }

  /** Whoever it is has every right: what decides is who asks, and whether the namespace is going. */
  function remove(user: string, name: string, ...more: string[]): Promise<string> {
    const as = ['--as', user, '--as-group', 'system:masters'];
    return kubectl(['--namespace', 'team', 'delete', 'agentcard', name, '--wait=false', ...as, ...more]);
  }

  test.each([
    ['quarantined', { quarantine }, 'needs the verb quarantine'],
    ['approved', { approvedCardId }, 'needs the verb trust'],
  ])('that is %s is deleted by no controller while its namespace stays, and by people', async (name, how, said) => {
    await create(name, how);
    for (const user of [collector, allControllers]) await expect(remove(user, name)).rejects.toThrow(said);
    await remove('officer', name);
  });

  test('goes with a namespace that is going where all controllers share one account, and not with its owner', async () => {
    await create('last', { quarantine, approvedCardId });
    await kubectl(['delete', 'namespace', 'team', '--wait=false']);
    await until({ what: 'the namespace to be seen going', timeoutMs: 60_000 }, () =>
      remove(allControllers, 'last', '--dry-run=server').then(
        () => true,
        () => undefined,
      ),
    );
    await expect(remove(collector, 'last')).rejects.toThrow('needs the verb');
    await remove(allControllers, 'last');
  });
});

test('roles for people can be left out', async () => {
  const text = await rendered([], 'userRoles.create=false');
  expect(text).not.toContain('aggregate-to-');
});
