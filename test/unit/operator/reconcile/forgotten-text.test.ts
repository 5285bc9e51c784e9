import { describe, expect, test } from 'vitest';
import type { KubeClient } from '../../../../src/kube/client/client.ts';
import type { PodEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { settle } from '../../../../src/operator/reconcile/settle.ts';
import { answered, card, evidence, now, settings, silent, snapshot } from '../kit/builders.ts';
import { decide } from '../kit/tell.ts';

describe('a card whose text was forgotten, since the status had it,', () => {
  const [uid, pod] = answered('weather-0');
  const { answer } = pod;
  if (answer?.kind !== 'card') throw new Error('no card');
  const published = { ...answer.card.published, text: undefined };
  const forgotten = { ...pod, answer: { ...answer, card: { ...answer.card, published } } };
  const seenWith = (publishedHash: string | undefined, known: PodEvidence = forgotten) =>
    decide(snapshot({ card: { ...card(), publishedHash }, evidence: evidence([uid, known]) }), settings, now);

  test('is asked for again when the status has it no more, and not before', () => {
    expect(seenWith(published.sha256).asks).toEqual([]);
    for (const hash of [undefined, 'another']) expect(seenWith(hash).asks).toEqual(['weather-0 mtls']);
  });

  test('is waited for while the agent is silent', () => {
    const [, { silence }] = silent('weather-0', now);
    expect(seenWith(undefined, { ...forgotten, silence }).asks).toEqual([]);
  });

  test('is left out of what is written meanwhile', async () => {
    const bodies: object[] = [];
    const client = {
      patch: async (_: unknown, __: string, { status }: { status: object }) => {
        bodies.push(status);
        return card();
      },
    } as unknown as KubeClient;
    const { plan, snapshot: seen } = seenWith(undefined);
    const edges = { client, now: () => now, lastWritten: new Map(), takeCard: () => {}, record: () => {} };
    await settle(plan, { policyFailure: undefined, markFailures: [], unmarked: 0, replaced: [] }, seen, edges);
    expect(bodies).toEqual([expect.not.objectContaining({ card: expect.anything() })]);
  });
});
