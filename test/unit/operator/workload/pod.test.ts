import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OwnerReference, Pod, ReplicaSet } from '../../../../src/kube/objects.ts';
import { belongsTo, chainOf, containersHash } from '../../../../src/operator/workload/pod.ts';
import { workload } from '../kit/builders.ts';

const ids = fc.uniqueArray(
  fc.record({ name: fc.constantFrom('a', 'b', 'c'), containerID: fc.constantFrom('1', '2') }),
  {
    selector: ({ name }) => name,
  },
);
const status = fc.record({
  containerStatuses: ids,
  initContainerStatuses: ids.map((list) => list.map(({ name, ...one }) => ({ ...one, name: `init-${name}` }))),
  ephemeralContainerStatuses: ids.map((list) => list.map(({ name, ...one }) => ({ ...one, name: `debug-${name}` }))),
});

test('the containers of a pod change with every container that is added, replaced or taken away', () => {
  const told = (one: object) =>
    JSON.stringify(Object.values(one).map((list) => list.map((id: object) => JSON.stringify(id)).sort()));
  fc.assert(
    fc.property(status, status, (one, other) => {
      const hash = (of: typeof one) => containersHash({ metadata: { name: 'p' }, status: of } as Pod);
      expect(hash(one) === hash(other)).toBe(told(one) === told(other));
    }),
  );
});

test('a pod belongs to a workload only by the chain that its controller makes', () => {
  const kind = fc.constantFrom('Deployment', 'StatefulSet', 'Sandbox', 'ReplicaSet', 'Job');
  const reference = fc.record({ kind, uid: fc.constantFrom('w', 'x', 'rs'), controller: fc.constantFrom(true, false) });
  const owned = (...owners: object[]) =>
    ({ metadata: { name: 'p', uid: 'p-uid', ownerReferences: owners as OwnerReference[] } }) as Pod & ReplicaSet;
  fc.assert(
    fc.property(reference, fc.option(reference, { nil: undefined }), kind, (direct, above, workloadKind) => {
      const read = direct.kind === 'ReplicaSet' && direct.controller && above !== undefined ? owned(above) : undefined;
      const belongs = belongsTo(chainOf(owned(direct), read), { ...workload, kind: workloadKind, uid: 'w' });
      const leads = (one: typeof direct | undefined) => one?.uid === 'w' && one.kind === workloadKind && one.controller;
      const expected =
        workloadKind === 'Deployment' ? read !== undefined && leads(above) : read === undefined && leads(direct);
      expect(belongs).toBe(expected);
    }),
    { numRuns: 2_000 },
  );
});
