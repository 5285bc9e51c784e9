import { expect, test } from 'vitest';
import { onCluster, oneSentence } from '../cli.ts';

const ours = { 'app.kubernetes.io/name': 'agentcard-operator' };
const operator = 'system/release-agentcard-operator';
const paths = {
  pods: '/api/v1/pods',
  leases: '/apis/coordination.k8s.io/v1/namespaces',
  operator: '/apis/apps/v1/namespaces/system/deployments/release-agentcard-operator',
  other: '/apis/apps/v1/namespaces/team/deployments/weather',
};

function pod(name: string, phase = 'Running') {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', uid: 'r', controller: true };
  return {
    metadata: {
      ...{ name, namespace: 'system', labels: { ...ours, 'pod-template-hash': 'r1' } },
      ownerReferences: [{ ...owner, name: 'release-agentcard-operator-r1' }],
    },
    status: { phase },
  };
}

function deployment(name: string, labels: object) {
  return { metadata: { name }, spec: { selector: {}, template: { metadata: { labels } } } };
}

const ownDeployment = deployment('release-agentcard-operator', ours);

/** A cluster on which these pods wear the operator's name, or on which nobody may list them. */
function cluster(pods: readonly object[] | number, deployed: object | number = ownDeployment) {
  return onCluster((call, body) => {
    const [method, path = ''] = call.split(' ');
    if (path.startsWith(paths.leases)) {
      if (method === 'GET' || path.includes('/absent/')) return 404;
      return {
        ...(body === '' ? {} : JSON.parse(body)),
        metadata: { name: 'agentcard-operator', resourceVersion: '1' },
      };
    }
    if (path === paths.operator) return deployed;
    if (path === paths.other) return deployment('weather', { app: 'weather' });
    if (path.includes('/deployments/')) return path.endsWith('/scale') ? {} : 404;
    if (path === paths.pods) return typeof pods === 'number' ? pods : { items: pods };
    return path.endsWith('/pods') ? 403 : { items: [] };
  });
}

test.each([
  ['no Deployment has the name', 'system/operator'],
  ['its namespace is another', 'team/release-agentcard-operator'],
  ["it is another's Deployment", 'team/weather'],
  ['none is named', undefined],
])('nothing is cleaned while the operator runs and %s: its Deployment is told', async (_, named) => {
  const { run, writes } = await cluster([pod('release-agentcard-operator-r1-x')]);
  const result = await run('cleanup', '--apply', ...(named === undefined ? [] : ['--operator', named]));
  expect(result).toMatchObject(oneSentence);
  expect(result.err).toContain(`(pod system/release-agentcard-operator-r1-x): pass --operator ${operator}`);
  expect(writes()).toEqual([]);
});

test.each([
  ['the name is wrong', ['--operator', 'system/operator']],
  ['none is named', []],
])('nothing is cleaned while nobody may tell whether the operator runs and %s', async (_, named) => {
  const { run, writes } = await cluster(403);
  const result = await run('cleanup', '--apply', ...named);
  expect(result).toMatchObject(oneSentence);
  expect(result.err).toContain('you may not list the pods of the whole cluster');
  expect(writes()).toEqual([]);
});

test("a Deployment that is not the operator's is never scaled", async () => {
  const { run, writes } = await cluster([]);
  expect(await run('cleanup', '--apply', '--operator', 'team/weather')).toMatchObject(oneSentence);
  expect(writes()).toEqual([]);
});

test('the operator that is named is stopped first, and its Lease is taken and removed', async () => {
  const lease = `${paths.leases}/system/leases`;
  const { run, writes } = await cluster([pod('a')]);
  expect(await run('cleanup', '--apply', '--operator', operator)).toEqual({
    ...{ status: 0, out: '', err: '0 of 0 undone\n' },
  });
  expect(writes()).toEqual([
    `PATCH ${paths.operator}/scale`,
    `POST ${lease}`,
    `PATCH ${lease}/agentcard-operator`,
    `DELETE ${lease}/agentcard-operator`,
  ]);
});

test('pods that have ended do not hinder, nor those of the named Deployment when only it is gone', async () => {
  const [evicted, orphan] = [pod('evicted', 'Failed'), pod('orphan')];
  const apply = ['cleanup', '--apply', '--operator'] as const;
  expect(await (await cluster([evicted])).run(...apply, 'system/gone')).toMatchObject({ status: 0 });
  const { run } = await cluster([orphan], 404);
  expect(await run(...apply, operator)).toMatchObject({ status: 0 });
  expect(await run(...apply, 'system/gone')).toMatchObject(oneSentence);
});

test('a namespace that is absent ends at the first refusal of a Lease there', async () => {
  const { run, writes } = await cluster([]);
  const result = await run('cleanup', '--apply', '--operator', 'absent/operator');
  expect(result).toMatchObject(oneSentence);
  expect(result.err).toContain('there is no namespace absent');
  expect(writes()).toHaveLength(1);
});

test.each(['operator', 'a/b/c', '/operator', 'system/', 'system/..', ''])('"%s" is no operator', async (named) => {
  const { run, writes } = await cluster([]);
  expect(await run('cleanup', '--apply', '--operator', named)).toMatchObject(oneSentence);
  expect(writes()).toEqual([]);
});

test('an empty list of namespaces is not all of them', async () => {
  const { run, writes } = await cluster([]);
  for (const empty of ['--namespaces=', '--namespaces=,', '--namespaces=..']) {
    expect(await run('cleanup', '--apply', empty)).toMatchObject(oneSentence);
  }
  expect(writes()).toEqual([]);
});
