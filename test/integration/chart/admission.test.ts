import { describe, expect, test } from 'vitest';
import { chart, helm, image, namespace, objectsOf, type Rendered } from './helm.ts';

const served = 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy';

/** The chart on a cluster that serves these kinds besides the usual ones. */
function rendered(apiVersions: readonly string[], ...values: string[]): Promise<string> {
  const set = [image, ...values].flatMap((value) => ['--set', value]);
  const apis = apiVersions.flatMap((version) => ['--api-versions', version]);
  return helm('template', 'demo', chart, '--namespace', namespace, '--kube-version', '1.37.0', ...apis, ...set);
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
const trust = [
  'Validating trust',
  'Validating trust-on-delete',
  'ValidatingBinding trust Deny',
  'ValidatingBinding trust-on-delete Deny',
];
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
    expect(reach).toHaveLength(4);
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

test('roles for people can be left out', async () => {
  const text = await rendered([], 'userRoles.create=false');
  expect(text).not.toContain('aggregate-to-');
});
