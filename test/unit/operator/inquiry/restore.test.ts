import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../../src/kube/objects.ts';
import { longestCovered } from '../../../../src/operator/api/budget.ts';
import { marksFor, type Proven } from '../../../../src/operator/api/marks.ts';
import { type CardEvidence, noEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { coveredText, labelFits, namedIn, withRestored } from '../../../../src/operator/inquiry/restore.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { containersHash } from '../../../../src/operator/workload/pod.ts';
import { answered, card, evidence, expectedId, minute, now, pod, refused, silent } from '../kit/builders.ts';

const iso = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;

function stored(over: StatusFields = {}, verified: 'True' | 'False' = 'True'): CachedCard {
  const condition = { reason: 'mTLSVerified', message: '', lastTransitionTime: iso(now) };
  const conditions = [{ type: 'Verified', status: verified, ...condition }];
  return { ...card(), status: { conditions, attestedAgentSpiffeId: expectedId, covered, ...over } };
}

const labelled = pod('weather-0', { labelled: true });
const covered = coveredText(new Map([['weather-0-uid', provenBy(labelled)]]));
const restoredPod = (seen: CardEvidence, base = stored(), pods: readonly Pod[] = [labelled]) =>
  withRestored(seen, namedIn(base.status, pods, [expectedId]), pods, base).pods.get('weather-0-uid');

function provenBy(one: Pod, identity = expectedId) {
  return { attested: containersHash(one), identity };
}

describe('what is restored after a restart', () => {
  test('is the proof of a labelled pod whose containers still run, from the stored status', () => {
    const end = now + 20 * minute;
    const base = stored({ identityExpiresAt: iso(end) });
    expect(restoredPod(noEvidence, base)).toMatchObject({
      transport: 'mtls',
      answer: { kind: 'restored', peer: { uri: expectedId, notAfter: end } },
      silence: undefined,
    });
  });

  test('is nothing for a pod whose containers were replaced, though it wears the label', () => {
    const replaced = pod('weather-0', { labelled: true, attested: 'another', container: 'c2' });
    expect(restoredPod(noEvidence, stored(), [replaced])).toBeUndefined();
    const bare = { ...labelled, metadata: { ...labelled.metadata, annotations: {} } };
    expect(restoredPod(noEvidence, stored(), [bare])).toBeUndefined();
  });

  test.each([
    ['was not Verified', stored({}, 'False')],
    ['has no attested identity', stored({ attestedAgentSpiffeId: undefined })],
    ['has no status', card()],
    ['names no pods, as an older version writes it', stored({ covered: undefined })],
    ['names other pods', stored({ covered: 'A'.repeat(32) })],
  ])('is nothing where the card %s', (_, base) => {
    const { status, ...rest } = base;
    const clean = JSON.parse(JSON.stringify(status === undefined ? rest : base)) as CachedCard;
    expect(restoredPod(noEvidence, clean)).toBeUndefined();
  });

  test('never replaces what a pod said since, be it proof or guilt', () => {
    for (const said of [answered('weather-0'), refused('weather-0', 'PeerCertificateInvalid')]) {
      expect(restoredPod(evidence(said))).toBe(said[1]);
    }
  });

  test('stands behind an unanswered attempt', () => {
    const [, { silence }] = silent('weather-0', now);
    expect(restoredPod(evidence(silent('weather-0', now)))).toMatchObject({ answer: { kind: 'restored' }, silence });
  });

  test('keeps the beginning of a hold, which a restart does not move', () => {
    const base = stored({ heldSince: iso(now - 5 * minute) });
    expect(restoredPod(evidence(silent('weather-0', now)), base)?.silence?.since).toBe(now - 5 * minute);
  });
});

describe('the stored end of the identity', () => {
  const end = (base: CachedCard, seen: CardEvidence = noEvidence) => {
    const answer = restoredPod(seen, base)?.answer;
    return answer?.kind === 'restored' ? answer.peer.notAfter : undefined;
  };
  const silentNow = evidence(silent('weather-0', now));

  test('bounds the hold when it lay ahead as the hold began', () => {
    expect(end(stored({ identityExpiresAt: iso(now + minute) }), silentNow)).toBe(now + minute);
    const held = stored({ identityExpiresAt: iso(now - minute), heldSince: iso(now - 5 * minute) });
    expect(end(held, silentNow)).toBe(now - minute);
  });

  test('says nothing when it had passed before any hold began: rotations do not reach the status', () => {
    expect(end(stored({ identityExpiresAt: iso(now - minute) }), silentNow)).toBe(Infinity);
    const held = stored({ identityExpiresAt: iso(now - 6 * minute), heldSince: iso(now - 5 * minute) });
    expect(end(held, silentNow)).toBe(Infinity);
  });

  test('is believed where nobody may ask: a suspension writes it', () => {
    const base = stored({ identityExpiresAt: iso(now - minute) });
    expect(end({ ...base, spec: { ...base.spec, suspend: true } }, silentNow)).toBe(now - minute);
  });

  test('is open when none is stored', () => {
    expect(end(stored())).toBe(Infinity);
  });
});

describe('what a status names', () => {
  const uid = fc.constantFrom('weather-0-uid', 'a', 'b', 'c');
  const pods = fc.uniqueArray(fc.tuple(uid, fc.constantFrom('c1', 'c2'), fc.constantFrom('x', 'y')), {
    selector: ([one]) => one,
  });
  const podOf = (name: string, container: string): Pod => {
    const bare = pod('p', { container });
    const { labels, annotations } = marksFor(provenBy(bare)) as { labels: object; annotations: object };
    const metadata = { ...bare.metadata, uid: name, labels: { ...bare.metadata.labels, ...labels }, annotations };
    return { ...bare, metadata } as Pod;
  };

  test('is exactly who proved itself: the same pod, with the same containers, as the same identity', () => {
    fc.assert(
      fc.property(pods, pods, (proofs, forged) => {
        const text = coveredText(
          new Map(proofs.map(([name, container, id]) => [name, provenBy(podOf(name, container), id)])),
        );
        const found = namedIn(
          { covered: text },
          forged.map(([name, container]) => podOf(name, container)),
          ['x', 'z'],
        );
        const known = (name: string, container: string) =>
          proofs.some(([one, ran, id]) => one === name && ran === container && id === 'x');
        const expected = forged.filter(([name, container]) => known(name, container)).map(([name]) => name);
        expect([...found.keys()].sort()).toEqual(expected.sort());
      }),
    );
  });

  test('is the same text whatever the order of the pods, sorted, and bounded', () => {
    const names = Array.from({ length: 1_030 }, (_, index): [string, Proven] => [`uid-${index}`, provenBy(labelled)]);
    const text = coveredText(new Map(names)) ?? '';
    expect(coveredText(new Map([...names].reverse()))).toBe(text);
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(text).toHaveLength(longestCovered);
    const each = Array.from({ length: 1_024 }, (_, at) =>
      Buffer.from(text, 'base64url').subarray(at * 12, at * 12 + 12),
    );
    expect(each.toSorted(Buffer.compare)).toEqual(each);
    expect(coveredText(new Map())).toBeUndefined();
  });
});

test('the label fits the containers that proved themselves, and no others', () => {
  expect(labelFits(labelled)).toBe(true);
  expect(labelFits(pod('weather-0'))).toBe(false);
  expect(labelFits(pod('weather-0', { labelled: true, attested: 'another' }))).toBe(false);
});
