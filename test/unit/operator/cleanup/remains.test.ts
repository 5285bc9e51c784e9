import { describe, expect, test } from 'vitest';
import { resources } from '../../../../src/kube/objects.ts';
import { cardRemains, workloadRemain } from '../../../../src/operator/cleanup/predecessor.ts';
import { finalizersOf, markOf, verdictOf } from '../../../../src/operator/cleanup/remains.ts';

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
      'finalizers of kagenti-operator',
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
