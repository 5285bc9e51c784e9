import { expect, test } from 'vitest';
import type { KubeClient } from '../../../../src/kube/client/client.ts';
import { type Edges, reconcile } from '../../../../src/operator/reconcile/reconcile.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import { answered, card, evidence, now, settings, snapshot } from '../kit/builders.ts';

/** One card as the operator sees it from look to look: what it writes is what it finds the next time. */
function story() {
  const clock = { now };
  const writes: number[] = [];
  let stored: CachedCard = card();
  let seen = snapshot();
  const client = {
    create: async (_: unknown, object: object) => object,
    get: async () => ({ ...stored, status: {} }),
    patch: async (_: unknown, _key: string, { status }: { status?: object }, { subresource = '' }) => {
      if (subresource !== 'status') return stored;
      writes.push(clock.now);
      const { card: published, ...fields } = { ...stored.status, ...status } as { card?: object };
      const publishedHash = published === undefined ? stored.publishedHash : JSON.stringify(published);
      stored = { ...stored, status: fields, publishedHash };
      return stored;
    },
  } as unknown as KubeClient;
  const edges: Edges = {
    ...{ client, now: () => clock.now, snapshot: () => seen, lastWritten: new Map() },
    ...{ takeCard: () => {}, takePolicy: () => {}, takeMark: () => {}, record: () => {} },
    ...{ ask: () => {}, keep: () => {}, forget: async () => {} },
  };
  const look = (id: string, over: Parameters<typeof answered>[1] = {}, more: Partial<CachedCard['spec']> = {}) => {
    const [uid, pod] = answered('weather-0', { at: clock.now, ...over });
    const answer = pod.answer?.kind === 'card' ? pod.answer : undefined;
    const published = { text: JSON.stringify({ name: id }), sha256: JSON.stringify({ name: id }) };
    const other = answer && { ...answer, card: { ...answer.card, cardId: id, published } };
    const shown = { ...stored, spec: { ...stored.spec, ...more } };
    seen = snapshot({ card: shown, evidence: evidence([uid, { ...pod, answer: other }]) });
    return reconcile('team/weather', settings, edges);
  };
  return { clock, writes, look, status: () => stored.status };
}

const reasons = (status: CachedCard['status']) => status?.conditions?.map(({ type, reason }) => `${type} ${reason}`);

test('a card that changes at every question is written once a second, and what it is in the end is written', async () => {
  const { clock, writes, look, status } = story();
  for (let question = 0; question < 590; question++) {
    await look(`card-${question}`);
    clock.now += 50;
  }
  const gaps = writes.slice(1).map((at, index) => at - (writes[index] ?? 0));
  expect(Math.min(...gaps)).toBe(1_000);
  expect(writes).toHaveLength(30);
  const { requeueAfterMs = Infinity } = await look('card-last');
  expect(requeueAfterMs).toBeLessThanOrEqual(1_000);
  clock.now += requeueAfterMs;
  await look('card-last');
  expect(status()?.cardId).toBe('card-last');
});

test('guilt, a quarantine and what people changed are written at once, whatever was written before', async () => {
  const { clock, writes, look, status } = story();
  await look('card-0');
  clock.now += 1;
  await look('card-1', { id: 'spiffe://example.org/ns/team/sa/impostor' });
  expect(reasons(status())).toContain('Verified IdentityMismatch');
  clock.now += 1;
  await look('card-2', {}, { quarantine: { reason: 'it leaks' } });
  expect(reasons(status())).toContain('Verified Quarantined');
  expect(writes).toEqual([now, now + 1, now + 2]);
  // The card that came with it was written with it.
  expect(status()?.cardId).toBe('card-2');
});
