import { expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/kube/objects.ts';
import { customResources, sandboxVersions } from '../../../../src/operator/api/resources.ts';
import { workloadKinds } from '../../../../src/operator/workload/kinds.ts';
import { maySelect } from '../../../../src/operator/workload/selector.ts';
import { workloadKey } from '../../../../src/operator/workload/workload.ts';

const kind = workloadKinds.find(({ resource }) => resource === customResources.sandboxes);
const hash = 'agents.x-k8s.io/sandbox-name-hash';

function sandbox(over: { version?: string; spec?: object; status?: object } = {}): KubeObject {
  const { version = 'v1beta1', spec = {}, status = { selector: `${hash}=1f2e`, podIPs: ['198.19.0.4'] } } = over;
  const podTemplate = { metadata: { labels: { app: 'weather' } }, spec: { serviceAccountName: 'sky' } };
  return {
    apiVersion: `agents.x-k8s.io/${version}`,
    kind: 'Sandbox',
    metadata: { name: 'weather', namespace: 'team', uid: 'u', labels: { 'kagenti.io/type': 'agent' } },
    ...{ spec: { podTemplate, ...spec }, status },
  } as KubeObject;
}

test('a Sandbox is the same workload in every version that is read, but for the version', () => {
  expect(sandboxVersions).toEqual(['v1beta1', 'v1alpha1']);
  expect(kind?.versions).toBe(sandboxVersions);
  for (const version of sandboxVersions) {
    expect(kind?.read(sandbox({ version }))).toMatchObject({
      ...{ apiVersion: `agents.x-k8s.io/${version}`, kind: 'Sandbox', name: 'weather', namespace: 'team' },
      selector: { matchLabels: { [hash]: '1f2e' } },
      templateLabels: { app: 'weather', [hash]: '1f2e' },
      ...{ serviceAccount: 'sky', suspended: false },
    });
  }
});

test('a card may name any version of the kind', () => {
  const named = (version: string) =>
    workloadKey('team', { apiVersion: `agents.x-k8s.io/${version}`, kind: 'Sandbox', name: 'weather' });
  expect(new Set(['v1beta1', 'v1alpha1', 'v1'].map(named)).size).toBe(1);
});

test.each([
  ['v1beta1', { operatingMode: 'Running' }, false],
  ['v1beta1', { operatingMode: 'Suspended' }, true],
  ['v1alpha1', { replicas: 1 }, false],
  ['v1alpha1', { replicas: 0 }, true],
])('in %s %o says whether it is suspended', (version, spec, suspended) => {
  expect(kind?.read(sandbox({ version, spec }))?.suspended).toBe(suspended);
});

test.each([
  undefined,
  '',
  '=x',
  hash,
  `${hash}=1f2e,app=weather`,
  `${hash}!=1f2e`,
  `${hash}==1f2e`,
  `${hash} in (1f2e)`,
])('a Sandbox whose status names its pod by %j is not read yet', (selector) => {
  expect(kind?.read(sandbox({ status: { selector } }))).toBeUndefined();
});

test("a Sandbox's selector chooses the pods of no other workload", () => {
  const own = kind?.read(sandbox());
  const other = kind?.read(sandbox({ status: { selector: `${hash}=77aa` } }));
  expect(maySelect(own?.selector ?? {}, own?.templateLabels ?? {})).toBe(true);
  expect(maySelect(own?.selector ?? {}, other?.templateLabels ?? {})).toBe(false);
  expect(maySelect(own?.selector ?? {}, { app: 'weather' })).toBe(false);
});
