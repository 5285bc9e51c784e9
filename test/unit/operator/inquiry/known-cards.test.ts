import { expect, test } from 'vitest';
import { defaultForms } from '../../../../src/agentcard/forms/forms.ts';
import { KnownChains } from '../../../../src/agentcard/signature/known-chains.ts';
import { KnownCards } from '../../../../src/operator/inquiry/known-cards.ts';
import type { ReceiveContext } from '../../../../src/operator/inquiry/receive.ts';

const body = (version: string, more: object = {}) =>
  Buffer.from(
    JSON.stringify({
      name: 'Weather',
      description: 'Weather',
      version,
      supportedInterfaces: [{ url: 'https://weather.test', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
      capabilities: {},
      defaultInputModes: ['text/plain'],
      defaultOutputModes: ['text/plain'],
      skills: [],
      ...more,
    }),
  );

const unsigned: ReceiveContext = { source: 'mtls', signatures: undefined, seen: undefined, now: 0 };
const rules = { forms: defaultForms, bundles: new Map(), knownChains: new KnownChains(1) };
const verifying: ReceiveContext = { ...unsigned, signatures: rules };
const signed = { signatures: [{ protected: 'e30', signature: 'AA' }] };

function twice(first: [Buffer, ReceiveContext], second: [Buffer, ReceiveContext]) {
  const known = new KnownCards();
  const one = known.receive(first[0], undefined, first[1]);
  if (!one.ok) throw new Error(one.error.message);
  const two = known.receive(second[0], one.value, second[1]);
  if (!two.ok) throw new Error(two.error.message);
  return { one: one.value, two: two.value };
}

test.each([
  ['where signatures do not count', unsigned],
  ['of a card that has none', verifying],
])('the same bytes are the same card: %s', (_, context) => {
  const { one, two } = twice([body('1'), context], [body('1'), context]);
  expect(two).toBe(one);
});

test.each<[string, [Buffer, ReceiveContext], [Buffer, ReceiveContext]]>([
  ['other bytes', [body('1'), unsigned], [body('2'), unsigned]],
  ['another source', [body('1'), unsigned], [body('1'), { ...unsigned, source: 'http' }]],
  ['signatures that begin to count', [body('1'), unsigned], [body('1'), verifying]],
  ['signatures that count no more', [body('1'), verifying], [body('1'), unsigned]],
  ['a signature, whose verdict ages', [body('1', signed), verifying], [body('1', signed), verifying]],
])('%s: the card is received anew', (_, first, second) => {
  const { one, two } = twice(first, second);
  expect(two).not.toBe(one);
});
