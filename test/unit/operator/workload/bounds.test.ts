import { expect, test } from 'vitest';
import {
  boundedEndpoint,
  boundedMetadata,
  boundedWorkload,
  isShort,
} from '../../../../src/operator/workload/bounds.ts';
import { workload } from '../kit/builders.ts';

const many = (count: number, prefix = 'x') =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}-${index}`, 'y'.repeat(60)]));
const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u' };
const names = { name: 'weather', namespace: 'team', uid: 'w' };
const said = {
  'kagenti.io/type': 'agent',
  'kubernetes.io/service-name': 'weather',
  'app.kubernetes.io/managed-by': 'a',
};
const sizeOf = (part: unknown) => JSON.stringify(part).length;

test('what people write is kept whole', () => {
  const metadata = { ...names, labels: { ...many(40), ...said }, ownerReferences: [owner], finalizers: ['a/b'] };
  expect(boundedMetadata(metadata)).toBe(metadata);
  expect(boundedWorkload(workload)).toBe(workload);
});

test.each([
  ['labels', { labels: { ...many(20_000), ...said } }],
  ['annotations of ours', { annotations: many(20_000, 'agent.kagenti.dev/x') }],
  ['owners', { ownerReferences: Array.from({ length: 10_000 }, () => owner) }],
  ['controllers', { ownerReferences: Array.from({ length: 10_000 }, () => ({ ...owner, controller: true })) }],
  ['finalizers', { finalizers: Object.keys(many(60_000)) }],
])(
  'of an object with a megabyte of %s a few kilobytes are kept, its name and what labels tell among them',
  (_, large) => {
    expect(sizeOf(large)).toBeGreaterThan(500_000);
    const kept = boundedMetadata({ ...names, labels: said, ...large });
    expect(sizeOf(kept)).toBeLessThan(20_000);
    expect(kept).toMatchObject({ ...names, labels: said });
  },
);

test('nor are labels that mean something kept without end', () => {
  expect(boundedMetadata({ ...names, labels: many(20_000, 'kagenti.io/x') }).labels).toEqual({});
});

test('a controller stays among thousands of owners', () => {
  const leads = { ...owner, controller: true };
  const ownerReferences = [...Array.from({ length: 10_000 }, () => owner), leads];
  expect(boundedMetadata({ ...names, ownerReferences }).ownerReferences).toEqual([leads]);
});

test('a workload of megabytes is known by the labels by which it chooses its pods', () => {
  const { matchLabels } = workload.selector;
  const values = Object.keys(many(20_000));
  const selector = { matchLabels: matchLabels ?? {}, matchExpressions: [{ key: 'x', operator: 'NotIn', values }] };
  const meshMarks = many(20_000, 'x.istio.io/y');
  const kept = boundedWorkload({
    ...{ ...workload, selector, meshMarks },
    templateLabels: { ...many(20_000), ...matchLabels },
    labels: { ...many(20_000), ...said },
  });
  expect(kept).toEqual({
    ...workload,
    selector: { matchLabels },
    templateLabels: matchLabels,
    labels: said,
    meshMarks: {},
  });
});

test('a workload that chooses by a megabyte of labels is not read', () => {
  expect(boundedWorkload({ ...workload, selector: { matchLabels: many(20_000) } })).toBeUndefined();
});

test('an endpoint is its first addresses and a reference that names a pod', () => {
  const targetRef = { kind: 'Pod', name: 'weather-0', uid: 'u' };
  const addresses = Array.from({ length: 100 }, (_, index) => `198.19.0.${index}`);
  expect(boundedEndpoint({ addresses, targetRef })).toEqual({ addresses: addresses.slice(0, 4), targetRef });
  expect(boundedEndpoint({ addresses, targetRef: { ...targetRef, name: 'n'.repeat(2_000) } })).not.toHaveProperty(
    'targetRef',
  );
});

test('short is what fits in sixteen kilobytes together', () => {
  expect(isShort('x'.repeat(10_000))).toBe(true);
  expect(isShort('x'.repeat(10_000), 'x'.repeat(10_000))).toBe(false);
});
