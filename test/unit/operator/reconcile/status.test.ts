import { expect, test } from 'vitest';
import { agentCardStatusSchema } from '../../../../src/operator/api/agentcard.ts';
import { receiveCard } from '../../../../src/operator/inquiry/receive.ts';
import { answered, card, evidence, now, settings } from '../kit/builders.ts';
import { decide, tell } from '../kit/tell.ts';

const long = 'x'.repeat(1_000_000);

/** An agent that chooses every text that it can, and chooses a long one. */
async function talkative() {
  const document = {
    name: 'A',
    version: '1',
    supportedInterfaces: [{ url: `http://${long}/`, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  };
  const received = await receiveCard(Buffer.from(JSON.stringify(document)), {
    source: 'mtls',
    signatures: undefined,
    seen: undefined,
    now: 0,
  });
  if (!received.ok) throw new Error(received.error.message);
  const signature = { outcome: 'untrusted' as const, message: long, signer: long, keyId: long, form: undefined };
  const [uid, pod] = answered('weather-0', { id: `spiffe://example.org/${long}` });
  if (pod.answer?.kind !== 'card') throw new Error('no card');
  const finding = { ...signature, notAfter: undefined, seen: undefined, signed: undefined, unread: false };
  const answer = { ...pod.answer, card: { ...received.value, signature: finding } };
  return { received: received.value, evidence: evidence([uid, { ...pod, answer }]) };
}

test('whatever an agent says, its status has a bound and fits the kind', async () => {
  const { received, evidence: pods } = await talkative();
  expect(received.url?.length).toBeLessThanOrEqual(2_048);
  const stored = { ...card(), status: { url: long, source: 'http' as const } };
  for (const base of [card(), stored]) {
    const seen = { ...tell().snapshot, card: base, evidence: pods };
    const { fields } = decide(seen, { ...settings, signature: true }, now);
    expect(JSON.stringify(fields).length).toBeLessThan(64 * 1024);
    expect(agentCardStatusSchema.safeParse(fields).error?.issues).toBeUndefined();
  }
});
