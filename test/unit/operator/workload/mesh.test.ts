import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { meshAdvice, meshAdviceIn, meshMarks, meshOf } from '../../../../src/operator/workload/mesh.ts';

type Marks = Record<string, string>;
const kindOf = (namespace: Marks, pod: Marks = {}) =>
  meshOf(meshMarks({ labels: namespace }), meshMarks({ labels: pod }))?.kind;

describe('a mesh is recognised', () => {
  test.each<[string, Marks, Marks, string | undefined]>([
    ['by nothing', {}, {}, undefined],
    ['by the namespace: Istio', { 'istio-injection': 'enabled' }, {}, 'sidecar'],
    ['by a revision', { 'istio.io/rev': 'stable' }, {}, 'sidecar'],
    ['by the pod', {}, { 'sidecar.istio.io/inject': 'true' }, 'sidecar'],
    [
      'not where the pod is kept out',
      { 'istio-injection': 'enabled' },
      { 'sidecar.istio.io/inject': 'false' },
      undefined,
    ],
    ['not where the namespace is', { 'istio-injection': 'disabled' }, { 'sidecar.istio.io/inject': 'true' }, undefined],
    ['by the namespace: ambient', { 'istio.io/dataplane-mode': 'ambient' }, {}, 'ambient'],
    ['by the pod: ambient', {}, { 'istio.io/dataplane-mode': 'ambient' }, 'ambient'],
    [
      'not in ambient where the pod is kept out',
      { 'istio.io/dataplane-mode': 'ambient' },
      { 'istio.io/dataplane-mode': 'none' },
      undefined,
    ],
    [
      'as ambient, whose revision it is',
      { 'istio.io/dataplane-mode': 'ambient', 'istio.io/rev': 'stable' },
      {},
      'ambient',
    ],
    [
      'as a sidecar in ambient, which takes no such pods',
      { 'istio.io/dataplane-mode': 'ambient' },
      { 'sidecar.istio.io/inject': 'true' },
      'sidecar',
    ],
    ['by the namespace: Linkerd', { 'linkerd.io/inject': 'enabled' }, {}, 'linkerd'],
    ['by the pod: Linkerd', {}, { 'linkerd.io/inject': 'ingress' }, 'linkerd'],
    [
      'not where the pod is kept out: Linkerd',
      { 'linkerd.io/inject': 'enabled' },
      { 'linkerd.io/inject': 'disabled' },
      undefined,
    ],
  ])('%s', (_, namespace, pod, kind) => {
    expect(kindOf(namespace, pod)).toBe(kind);
  });

  test('by labels and annotations alike, of which nothing else is kept', () => {
    const marks = meshMarks({
      labels: { app: 'a', 'istio.io/rev': 'x' },
      annotations: { 'linkerd.io/inject': 'enabled' },
    });
    expect(marks).toEqual({ 'istio.io/rev': 'x', 'linkerd.io/inject': 'enabled' });
  });
});

describe('what a mesh is in the way of', () => {
  const advice = (pod: Marks, port = 8443) => meshAdvice(meshOf({}, meshMarks({ annotations: pod })), port);

  test.each<[string, Marks, string]>([
    ['an Istio sidecar', { 'sidecar.istio.io/inject': 'true' }, 'traffic.sidecar.istio.io/excludeInboundPorts: "8443"'],
    ['ambient mode', { 'istio.io/dataplane-mode': 'ambient' }, 'ambient.istio.io/bypass-inbound-capture: "true"'],
    ['Linkerd', { 'linkerd.io/inject': 'enabled' }, 'config.linkerd.io/skip-inbound-ports: "8443"'],
  ])('is told with what mends it, and as untried: %s', (_, pod, mends) => {
    expect(advice(pod)).toContain(mends);
    expect(advice(pod)).toMatch(/^Service mesh: .*not tried with a real mesh\.$/);
    expect(advice(pod)?.length).toBeLessThan(640);
    expect(meshAdviceIn(`Something else. ${advice(pod)}`)).toBe(advice(pod));
  });

  test.each<[string, Marks]>([
    ['excluded', { 'sidecar.istio.io/inject': 'true', 'traffic.sidecar.istio.io/excludeInboundPorts': '9090, 8443' }],
    ['excluded with all', { 'sidecar.istio.io/inject': 'true', 'traffic.sidecar.istio.io/excludeInboundPorts': '*' }],
    ['skipped in a range', { 'linkerd.io/inject': 'enabled', 'config.linkerd.io/skip-inbound-ports': '80,8000-9000' }],
    ['not captured', { 'istio.io/dataplane-mode': 'ambient', 'ambient.istio.io/bypass-inbound-capture': 'true' }],
  ])('is nothing on a port that is %s', (_, pod) => {
    expect(advice(pod)).toBeUndefined();
  });

  test.each(['', '9090', '8444-9000', 'x', '-'])('stays on a port that "%s" does not name', (past) => {
    expect(advice({ 'linkerd.io/inject': 'enabled', 'config.linkerd.io/skip-inbound-ports': past })).toBeDefined();
  });

  test('whatever people write there, nothing throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 65_535 }), (past, port) => {
        meshAdvice({ kind: 'linkerd', past }, port);
      }),
    );
  });

  test('is nothing where there is no mesh, and no other hint is taken for it', () => {
    expect(meshAdvice(undefined, 8443)).toBeUndefined();
    expect(meshAdviceIn('Look at the agent.')).toBeUndefined();
  });
});
