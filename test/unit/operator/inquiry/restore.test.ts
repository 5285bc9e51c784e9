import { describe, expect, test } from 'vitest';
import type { Pod } from '../../../../src/kube/objects.ts';
import { type CardEvidence, noEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { labelFits, withRestored } from '../../../../src/operator/inquiry/restore.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { answered, card, evidence, expectedId, minute, now, pod, refused, silent } from '../kit/builders.ts';

const iso = (at: number) => `${new Date(at).toISOString().slice(0, 19)}Z`;

function stored(over: StatusFields = {}, verified: 'True' | 'False' = 'True'): CachedCard {
  const condition = { reason: 'mTLSVerified', message: '', lastTransitionTime: iso(now) };
  const conditions = [{ type: 'Verified', status: verified, ...condition }];
  return { ...card(), status: { conditions, attestedAgentSpiffeId: expectedId, ...over } };
}

const labelled = pod('weather-0', { labelled: true });
const restoredPod = (seen: CardEvidence, base = stored(), pods: readonly Pod[] = [labelled]) =>
  withRestored(seen, pods, base).pods.get('weather-0-uid');

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

test('the label fits the containers that proved themselves, and no others', () => {
  expect(labelFits(labelled)).toBe(true);
  expect(labelFits(pod('weather-0'))).toBe(false);
  expect(labelFits(pod('weather-0', { labelled: true, attested: 'another' }))).toBe(false);
});
