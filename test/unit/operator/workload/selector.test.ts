import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LabelSelector, NetworkPolicy } from '../../../../src/kube/objects.ts';
import { excessOf } from '../../../../src/operator/network/rules.ts';
import { maySelect, pairsSelect, selects } from '../../../../src/operator/workload/selector.ts';
import { decide, settle, tell } from '../kit/tell.ts';

/** Names that every object inherits, beside an ordinary one. */
const name = fc.constantFrom('constructor', 'toString', 'valueOf', 'hasOwnProperty', '__proto__', 'app');
const value = fc.constantFrom('a', 'b', '');
const entries = fc.uniqueArray(fc.tuple(name, value), { maxLength: 4, selector: ([key]) => key });
const expression = fc.record({
  key: name,
  operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist'),
  values: fc.array(value, { maxLength: 2 }),
});
const asObject = (pairs: readonly (readonly [string, string])[]) => Object.fromEntries(pairs);

test('a selector chooses by what labels say, whatever they are called', () => {
  fc.assert(
    fc.property(entries, entries, fc.array(expression, { maxLength: 2 }), (worn, wanted, matchExpressions) => {
      const labels = new Map(worn);
      const pairs = wanted.every(([key, text]) => labels.get(key) === text);
      const expected = matchExpressions.every(({ key, operator, values }) => {
        const found = labels.get(key);
        if (operator === 'Exists') return found !== undefined;
        if (operator === 'DoesNotExist') return found === undefined;
        return (operator === 'In') === (found !== undefined && values.includes(found));
      });
      const selector = { matchLabels: asObject(wanted), matchExpressions } as LabelSelector;
      expect(selects(selector, asObject(worn))).toBe(pairs && expected);
      expect(pairsSelect(asObject(wanted), asObject(worn))).toBe(pairs && wanted.length > 0);
    }),
  );
});

describe('what controllers and admission write on pods', () => {
  const added = fc.constantFrom(
    ...['pod-template-hash', 'controller-revision-hash', 'statefulset.kubernetes.io/pod-name', 'job-name'],
    ...['apps.kubernetes.io/pod-index', 'batch.kubernetes.io/job-name', 'topology.kubernetes.io/zone'],
    ...['agents.x-k8s.io/claim-uid', 'pod-template-generation', 'controller-uid', 'networking.knative.dev/visibility'],
    ...['security.istio.io/tlsMode', 'service.istio.io/canonical-name', 'topology.istio.io/network', 'istio.io/rev'],
    ...['linkerd.io/control-plane-ns', 'linkerd.io/proxy-deployment', 'sidecar.istio.io/inject', 'kuma.io/mesh'],
    ...['dapr.io/sidecar-injected', 'eks.amazonaws.com/fargate-profile', 'consul.hashicorp.com/connect-inject-status'],
  );

  test('may fit any selector', () => {
    fc.assert(
      fc.property(added, value, expression, (key, text, one) => {
        expect(maySelect({ matchLabels: { [key]: text, app: 'x' } }, { app: 'x' })).toBe(true);
        expect(maySelect({ matchLabels: { [key]: text, app: 'y' } }, { app: 'x' })).toBe(false);
        expect(maySelect({ matchExpressions: [{ ...one, key }] } as LabelSelector, { app: 'x' })).toBe(true);
      }),
    );
  });

  const people = ['example.com/role', 'team', 'notistio.io/rev', 'kagenti.io/type'];
  const known = ['app.kubernetes.io/name', 'kubernetes.io', 'constructor', 'my-pod-template-hash', ...people];
  test.each([...known, 'agents.x-k8s.io/sandbox-name-hash'])(
    '%s is none of it: people write it on templates, or a Sandbox tells it',
    (key) => {
      expect(maySelect({ matchLabels: { [key]: 'other' } }, { [key]: 'own' })).toBe(false);
      expect(maySelect({ matchExpressions: [{ key, operator: 'Exists' }] }, {})).toBe(false);
    },
  );

  test.each([
    ['a label that the pods get later', { matchLabels: { 'pod-template-hash': '7d4b9' } }],
    ['a label that the injector of a mesh adds', { matchLabels: { 'service.istio.io/canonical-name': 'weather' } }],
    ['a label that they have not', { matchExpressions: [{ key: 'constructor', operator: 'DoesNotExist' as const }] }],
  ])('a policy that chooses by %s weakens ours', (_, podSelector) => {
    const open = { name: 'open', spec: { podSelector, policyTypes: ['Ingress'], ingress: [{}] } };
    const told = tell({ policies: { foreign: [open] } });
    expect(told.says('Enforced')).toBe('False Weakened');
    expect(told.condition('Enforced')?.message).toContain('NetworkPolicy open');
  });
});

describe('what a webhook of somebody put on the running pods, under any name', () => {
  const open = (value: string) => ({
    name: 'open',
    spec: { podSelector: { matchLabels: { tier: value } }, policyTypes: ['Ingress'], ingress: [{}] },
  });
  const enforced = (value: string) => {
    const { snapshot, settings, at } = tell({
      policies: { foreign: [open(value)] },
      labelled: { 'weather-0': 'fits' },
    });
    const labelledPods = snapshot.labelledPods.map((pod) => {
      const labels = { ...pod.metadata.labels, tier: 'mutated' };
      return { ...pod, metadata: { ...pod.metadata, labels } };
    });
    expect(labelledPods).toHaveLength(1);
    return decide({ ...snapshot, labelledPods }, settings, at).says('Enforced');
  };

  test('lets a policy that chooses by it weaken ours', () => {
    expect(enforced('mutated')).toBe('False Weakened');
  });

  test('and one that chooses by another value of it does not', () => {
    expect(enforced('other')).not.toBe('False Weakened');
  });
});

test('whatever is added to our policy under such a name is taken out again', () => {
  fc.assert(
    fc.property(name, value, fc.constantFrom('matchLabels', 'spec'), (key, text, where) => {
      const told = tell();
      const settled = settle(told);
      const [policy] = settled.ownPolicies as [NetworkPolicy];
      const { spec } = policy;
      const matchLabels = { ...spec.podSelector.matchLabels, ...asObject([[key, text]]) };
      const from = [{ namespaceSelector: { matchLabels: asObject([[key, text]]) } }];
      const changed =
        where === 'spec'
          ? { ...spec, ingress: [...(spec.ingress ?? []), { from }] }
          : { ...spec, podSelector: { matchLabels } };
      const drifted = { ...settled, ownPolicies: [{ ...policy, spec: changed }] };
      expect(decide(settled, told.settings, told.at).plan.policy.operations).toEqual([]);
      const { operations } = decide(drifted, told.settings, told.at).plan.policy;
      expect(operations).toMatchObject([{ kind: 'replace', policy: { spec } }]);
    }),
  );
});

test('a rule that asks for less than ours is more, whatever the label is called', () => {
  fc.assert(
    fc.property(name, (key) => {
      const asking = { matchLabels: asObject([[key, 'a']]) };
      const rule = (podSelector: LabelSelector): NetworkPolicy => ({
        metadata: { name: 'p', namespace: 'team' },
        spec: { podSelector: {}, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector }] }] },
      });
      expect(excessOf(rule({}), rule(asking))).toEqual(['ingress']);
      expect(excessOf(rule(asking), rule(asking))).toEqual([]);
    }),
  );
});
