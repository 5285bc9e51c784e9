import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import { Inquiry } from '../../../../src/operator/inquiry/inquiry.ts';
import { type IdentitySnapshot, IdentitySource } from '../../../../src/spiffe/workload-api/identity.ts';
import { bundle, root, svid } from '../../../pki/mint.ts';

test('certificates of a bundle that are no authorities are told once, with their trust domain and their fault', () => {
  const told: Record<string, unknown>[] = [];
  const inquiry = new Inquiry({
    config: {},
    log: createLogger({ write: (line) => void told.push(JSON.parse(line)) }),
    now: Date.now,
    identity: new IdentitySource({ clock: Date.now }),
    caches: { cards: Object.assign(new Map(), { onEvent: () => undefined }) },
    wake: () => undefined,
  } as unknown as ConstructorParameters<typeof Inquiry>[0]);
  const odd = svid(root('b.test'), 'spiffe://b.test/x');
  const known = bundle('b.test', root('b.test'), odd);
  const before: IdentitySnapshot = { epoch: 1, bundleEpoch: 1, state: 'ready', bundles: new Map() };
  const after = { ...before, epoch: 2, bundleEpoch: 2, bundles: new Map([[known.trustDomain, known]]) };
  inquiry.identityChanged(after, before);
  inquiry.identityChanged({ ...after, epoch: 3, bundleEpoch: 3 }, after);
  const sha256 = createHash('sha256').update(odd.der).digest('hex');
  const skipped = [{ sha256, reason: 'it is no CA: its basicConstraints do not say so' }];
  expect(told.filter(({ level }) => level === 'warn')).toEqual([
    expect.objectContaining({ trustDomain: 'b.test', skipped }),
  ]);
});
