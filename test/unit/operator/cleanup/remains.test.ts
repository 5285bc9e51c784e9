import { describe, expect, test } from 'vitest';
import { ApiError, type KubeClient } from '../../../../src/kube/kube.ts';
import { type KubeObject, resources } from '../../../../src/kube/objects.ts';
import { customResources } from '../../../../src/operator/api/resources.ts';
import {
  cardRemains,
  foreignCardRemain,
  isGuard,
  workloadRemain,
} from '../../../../src/operator/cleanup/predecessor.ts';
import { type Fix, finalizersOf, markOf, undoAll, verdictOf } from '../../../../src/operator/cleanup/remains.ts';

const verified = { 'agent.kagenti.dev/signature-verified': 'true' };
const metadata = { name: 'weather', namespace: 'team', uid: 'u1', resourceVersion: '7' };
const foreign = ['example.org/other', 'agentcard.kagenti.dev/finalizer'];
const now = new Date('2026-11-01T12:00:00Z');
const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather', uid: 'u0', controller: true };

describe('what is ours', () => {
  test('is everything that we write on a pod, or a part of it, and nothing else on it', () => {
    expect(markOf({ metadata: { ...metadata, labels: { app: 'weather' } } })).toBeUndefined();
    const labels = { 'agent.kagenti.dev/signature-verified': null, 'agent.kagenti.dev/identity': null };
    const annotations = { 'agent.kagenti.dev/attested': null };
    const parts = [
      ...Object.keys(labels).map((name) => ({ labels: { [name]: 'x' } })),
      { annotations: { 'agent.kagenti.dev/attested': 'x' } },
    ];
    for (const part of parts) {
      const fix = markOf({ metadata: { ...metadata, ...part } })?.fix;
      expect(fix).toEqual({ merge: { metadata: { uid: 'u1', labels, annotations } } });
    }
  });
});

describe('a verdict without an operator', () => {
  const condition = { status: 'True' as const, reason: 'R', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const verdict = ['Ready', 'Synced', 'Verified', 'Bound'].map((type) => ({ type, ...condition }));
  const card = (conditions: typeof verdict, status: object = { observedGeneration: 3 }) => ({
    metadata: { ...metadata, generation: 3 },
    spec: { syncPeriod: '5m' },
    status: { ...status, conditions },
  });

  test('becomes Unknown, and what followed from it goes; what was seen stays', () => {
    const fix = verdictOf(card(verdict), now)?.fix;
    const lastTransitionTime = '2026-11-01T12:00:00Z';
    const unknown = { status: 'Unknown', reason: 'NotVerified', observedGeneration: 3, lastTransitionTime };
    expect(fix).toMatchObject({
      subresource: 'status',
      merge: {
        metadata: { uid: 'u1' },
        status: {
          conditions: [
            { type: 'Ready', ...unknown },
            { type: 'Verified', ...unknown },
          ],
          bindingStatus: null,
          policy: null,
          checks: null,
        },
      },
    });
    const { status } = (fix as { merge: { status: object } }).merge;
    for (const seen of ['card', 'cardId', 'seen', 'history', 'attestedAgentSpiffeId']) {
      expect(status).not.toHaveProperty(seen);
    }
  });

  test('is not invented where none was, and is done once', () => {
    const isDone = verdict.map((one) => ({ ...one, status: 'Unknown' as const }));
    expect(verdictOf(card([]), now)).toBeUndefined();
    expect(verdictOf(card(isDone as unknown as typeof verdict), now)).toBeUndefined();
    expect(verdictOf({ metadata, spec: { syncPeriod: '5m' } }, now)).toBeUndefined();
    const unverified = verdictOf(card(verdict.slice(0, 2)), now)?.fix as {
      merge: { status: { conditions: object[] } };
    };
    expect(unverified.merge.status.conditions).toHaveLength(1);
  });

  test('is left alone when it is not ours', () => {
    expect(verdictOf(card(verdict, {}), now)).toBeUndefined();
    // Written over the default that a new card has.
    expect(verdictOf(card(verdict, { observedGeneration: -1 }), now)).toBeUndefined();
  });
});

describe('what the Go operator left', () => {
  test("of a card's finalizers its own two go, and nobody else's", () => {
    expect(finalizersOf({ metadata })).toBeUndefined();
    expect(finalizersOf({ metadata: { ...metadata, finalizers: ['example.org/other'] } })).toBeUndefined();
    const fix = finalizersOf({ metadata: { ...metadata, finalizers: foreign } })?.fix;
    expect(fix).toEqual({
      json: [
        { op: 'test', path: '/metadata/uid', value: 'u1' },
        { op: 'test', path: '/metadata/finalizers', value: foreign },
        { op: 'replace', path: '/metadata/finalizers', value: ['example.org/other'] },
      ],
    });
  });

  test('a card that is being deleted loses its finalizers and is otherwise let go', () => {
    const labels = { 'app.kubernetes.io/managed-by': 'kagenti-operator' };
    const more = { finalizers: foreign, labels, ownerReferences: [owner], deletionTimestamp: '2026-01-01T00:00:00Z' };
    const spec = { identityBinding: { strict: false } };
    expect(cardRemains({ metadata: { ...metadata, ...more }, spec }).map(({ what }) => what)).toEqual([
      'finalizers of the Go operator',
    ]);
  });

  test('a card that a person wrote is not taken for a created one', () => {
    const labels = { 'app.kubernetes.io/managed-by': 'kagenti-operator' };
    expect(cardRemains({ metadata: { ...metadata, labels } })).toEqual([]);
    expect(cardRemains({ metadata: { ...metadata, labels, ownerReferences: [owner] } })).toHaveLength(1);
    expect(cardRemains({ metadata, spec: { identityBinding: { strict: true } } })).toEqual([]);
  });

  test('a workload is patched once, and rolls only when its template changes', () => {
    const annotations = { 'verified-state.agent.kagenti.dev/weather': 'true', 'example.org/kept': 'x' };
    const quiet = workloadRemain({ metadata: { ...metadata, annotations } }, resources.deployments);
    expect(quiet?.consequence).toBeUndefined();
    expect(quiet?.fix).toEqual({
      merge: { metadata: { uid: 'u1', annotations: { 'verified-state.agent.kagenti.dev/weather': null } } },
    });
    const template = { metadata: { labels: { ...verified, app: 'weather' } } };
    const rolling = workloadRemain({ metadata, spec: { template } }, resources.deployments);
    expect(rolling?.consequence).toBe('its pods are replaced once');
    expect(rolling?.fix).toMatchObject({
      merge: { spec: { template: { metadata: { labels: { 'agent.kagenti.dev/signature-verified': null } } } } },
    });
    expect(workloadRemain({ metadata }, resources.deployments)).toBeUndefined();
  });
});

describe('a card of the successor project', () => {
  const resource = { ...customResources.agentCards, group: 'agent.rossoctl.dev' };
  const held = ['agentcard.rossoctl.dev/finalizer', 'agentcard.rossoctl.dev/network-policy'];
  const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'weather' };
  const annotations = { 'argocd.argoproj.io/tracking-id': 'app:agent.rossoctl.dev/AgentCard:team/weather' };
  const identityBinding = { trustDomain: 'td.example', strict: false };
  const card = {
    metadata: { ...metadata, finalizers: held, annotations, labels: { app: 'weather' } },
    spec: { targetRef, syncPeriod: '30s', identityBinding },
  };
  const stepsOf = (fix: Fix | undefined) => (fix !== undefined && 'steps' in fix ? fix.steps : []);
  const releases = {
    json: [
      { op: 'test', path: '/metadata/uid', value: 'u1' },
      { op: 'test', path: '/metadata/finalizers', value: held },
      { op: 'replace', path: '/metadata/finalizers', value: [] },
    ],
  };

  test('becomes ours before it loses its finalizers and goes; the default that loosens does not come along', () => {
    const remain = foreignCardRemain(card, resource, false);
    expect(remain).toMatchObject({ resource, key: 'team/weather', what: 'an AgentCard of agent.rossoctl.dev' });
    expect(remain?.consequence).toContain('becomes ours; without strict: false');
    const [first, ...then] = stepsOf(remain?.fix);
    expect(JSON.parse(JSON.stringify(first))).toEqual({
      as: customResources.agentCards,
      create: {
        apiVersion: 'agent.kagenti.dev/v1alpha1',
        kind: 'AgentCard',
        metadata: { name: 'weather', namespace: 'team', ownerReferences: [] },
        spec: { targetRef, syncPeriod: '30s', identityBinding: { trustDomain: 'td.example' } },
      },
    });
    expect(then).toEqual([releases, { delete: { uid: 'u1' } }]);
  });

  test('that was created for its workload is created for it still, and strict stays', () => {
    const labels = { 'app.kubernetes.io/managed-by': 'rossoctl-operator' };
    const strict = { targetRef, syncPeriod: '30s', identityBinding: { strict: true } };
    const created = { metadata: { ...metadata, labels, ownerReferences: [owner] }, spec: strict };
    const [first] = stepsOf(foreignCardRemain(created, resource, false)?.fix);
    expect(JSON.parse(JSON.stringify(first))).toMatchObject({
      create: {
        metadata: {
          labels: { 'app.kubernetes.io/managed-by': 'agentcard-operator' },
          ownerReferences: [{ uid: 'u0', controller: true, blockOwnerDeletion: false }],
        },
        spec: { identityBinding: { strict: true } },
      },
    });
  });

  test('goes without another when ours has its name, and is only released while it is being deleted', () => {
    expect(stepsOf(foreignCardRemain(card, resource, true)?.fix)).toEqual([releases, { delete: { uid: 'u1' } }]);
    const going = { ...card, metadata: { ...card.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    expect(foreignCardRemain(going, resource, false)?.fix).toEqual(releases);
    const free = { ...going, metadata: { ...going.metadata, finalizers: [] } };
    expect(foreignCardRemain(free, resource, false)).toBeUndefined();
  });

  test.each([404, 409])('stays when ours cannot be made (HTTP %d)', async (status) => {
    const asked: string[] = [];
    const client = {
      create: async () => {
        asked.push('create');
        throw new ApiError(status, 'Refused', 'no');
      },
      patch: async () => void asked.push('patch'),
      delete: async () => void asked.push('delete'),
    } as unknown as KubeClient;
    const remain = foreignCardRemain(card, resource, false);
    expect(await undoAll(remain === undefined ? [] : [remain], client)).toHaveLength(1);
    expect(asked).toEqual(['create']);
  });

  test("its labels and annotations on workloads and templates go like the older name's", () => {
    const { fix } = workloadRemain(
      {
        metadata: { ...metadata, annotations: { 'verified-state.agent.rossoctl.dev/weather': 'true' } },
        spec: {
          template: {
            metadata: {
              labels: { 'agent.rossoctl.dev/signature-verified': 'true' },
              annotations: { 'agentcard.rossoctl.dev/resign-trigger': 'x' },
            },
          },
        },
      },
      resources.deployments,
    ) ?? { fix: undefined };
    expect(fix).toEqual({
      merge: {
        metadata: { uid: 'u1', annotations: { 'verified-state.agent.rossoctl.dev/weather': null } },
        spec: {
          template: {
            metadata: {
              labels: { 'agent.rossoctl.dev/signature-verified': null },
              annotations: { 'agentcard.rossoctl.dev/resign-trigger': null },
            },
          },
        },
      },
    });
  });

  test('its admission policy is known by its name and what it is about', () => {
    const policy = (name: string, expression: string) =>
      isGuard({ metadata: { name }, spec: { matchConditions: [{ expression }] } } as KubeObject);
    expect(policy('agent-label-protection', "'rossoctl.io/type' in object.metadata.labels")).toBe(true);
    expect(policy('rossoctl-agent-label-protection', "'kagenti.io/type' in object.metadata.labels")).toBe(true);
    expect(policy('agent-label-protection', "'example.org/type' in object.metadata.labels")).toBe(false);
    expect(policy('mine', "'rossoctl.io/type' in object.metadata.labels")).toBe(false);
  });
});
