import { expect, test } from 'vitest';
import { agentCardStatusSchema } from '../../../../src/operator/api/agentcard.ts';
import type { Silence } from '../../../../src/operator/inquiry/evidence.ts';
import { receiveCard } from '../../../../src/operator/inquiry/receive.ts';
import { transitions } from '../../../../src/operator/reconcile/transitions.ts';
import { answered, card, evidence, expectedId, now, settings, silent } from '../kit/builders.ts';
import { decide, tell } from '../kit/tell.ts';

const long = 'x'.repeat(500_000);
const forged = '\u202eA\tTrue\tReadyToServe\n\u001b[2Jweather   True';

/** An agent that chooses every text that it can, and chooses a long one. */
async function talkative(long: string, id: string) {
  const document = {
    name: long,
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
  const [uid, pod] = answered('weather-0', { id });
  if (pod.answer?.kind !== 'card') throw new Error('no card');
  const finding = { ...signature, notAfter: undefined, seen: undefined, signed: undefined, unread: false };
  const answer = { ...pod.answer, card: { ...received.value, signature: finding } };
  return { received: received.value, evidence: evidence([uid, { ...pod, answer }]) };
}

test('whatever an agent says, its status has a bound and fits the kind', async () => {
  const { received, evidence: pods } = await talkative(long, `spiffe://example.org/${long}`);
  expect(received.url?.length).toBeLessThanOrEqual(2_048);
  const stored = { ...card(), status: { url: long, source: 'http' as const } };
  for (const base of [card(), stored]) {
    const seen = { ...tell().snapshot, card: base, evidence: pods };
    const { fields } = decide(seen, { ...settings, signature: true }, now);
    expect(JSON.stringify(fields).length).toBeLessThan(64 * 1024);
    expect(agentCardStatusSchema.safeParse(fields).error?.issues).toBeUndefined();
  }
});

test('whatever an agent says, no text of its status or of an event draws a table', async () => {
  const { evidence: pods } = await talkative(forged, expectedId);
  const [uid, pod] = silent('weather-1');
  const missed = evidence([uid, { ...pod, silence: { ...(pod.silence as Silence), message: forged } }]);
  for (const heard of [pods, missed]) {
    const { fields = {} } = decide({ ...tell().snapshot, evidence: heard }, { ...settings, signature: true }, now);
    const notes = transitions({}, fields, card().spec);
    expect(JSON.stringify([fields, notes])).not.toMatch(/\\[tnu]|\u202e|weather {2}/);
  }
  const { fields } = decide({ ...tell().snapshot, evidence: pods }, settings, now);
  expect(fields?.agentName).toBe('A True ReadyToServe [2Jweather True');
});
