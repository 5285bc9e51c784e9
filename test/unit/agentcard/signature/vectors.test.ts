import { expect, test } from 'vitest';
import { parseCardDocument } from '../../../../src/agentcard/document/parse.ts';
import { canonicalForms, parseForms } from '../../../../src/agentcard/forms/forms.ts';
import { type VerifiedCard, verifyCard } from '../../../../src/agentcard/signature/verify.ts';
import { bundles, bytesOf, cardOf, manifest, now } from './vectors.ts';

function forms(list: readonly string[]) {
  const parsed = parseForms(list.join());
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value;
}

function verify(name: string, formNames: readonly string[] = manifest.forms): Promise<VerifiedCard> {
  return verifyCard({ card: cardOf(name), bundles, now, forms: forms(formNames) });
}

test('there are 108 vectors, each with its own file', () => {
  expect(new Set(manifest.vectors.map(({ file }) => file)).size).toBe(108);
});

test.each(manifest.vectors)('$name is $outcome', async ({ file, verified, outcome, codes, form }) => {
  const card = parseCardDocument(bytesOf(file));
  if (!card.ok) {
    expect({ verified, outcome, codes }).toEqual({ verified: false, outcome: 'not-a-card', codes: [card.error.code] });
    return;
  }
  const evidence = await verifyCard({ card: card.value.raw, bundles, now, forms: forms(manifest.forms) });
  expect(evidence.outcome).toBe(outcome);
  expect(evidence.signatures.map(({ code }) => code)).toEqual(codes);
  expect(evidence.good?.form).toBe(form);
  if (verified) expect(evidence.good?.signer.uri).toBe(manifest.spiffeId);
});

const variants = manifest.vectors.filter(
  ({ kind, signedOver }) => kind === 'variant' && canonicalForms.some(({ name }) => name === signedOver),
);

test.each(variants)(
  '$name verifies where $signedOver is tried, over the very bytes that were signed',
  async (vector) => {
    const { good } = await verify(vector.name, [vector.signedOver ?? '']);
    expect(good).toMatchObject({ form: vector.signedOver, payloadSha256: vector.payloadSha256 });
  },
);

test.each([
  ['real-js-sdk-empties', 'sdk-clean'],
  ['real-a2a-python-unicode', 'py-legacy'],
  ['real-a2a-python-numbers', 'py-legacy'],
  ['real-kagenti-empties', 'kagenti'],
  ['real-kagenti-unicode', 'kagenti'],
  ['real-kagenti-v03', 'kagenti'],
  ['wire-python-hybrid', 'spec-8.4.1-known'],
])('%s verifies where %s is tried', async (name, form) => {
  expect((await verify(name, ['raw-jcs', form])).good?.form).toBe(form);
});

test('what a lossy form did not cover is in the card that was served and not in the payload', async () => {
  const payload = async (name: string, form: string) => {
    const { good, payloads } = await verify(name, [form]);
    return JSON.parse(payloads.get(good?.payloadSha256 ?? '') ?? 'null');
  };
  const lossy = await payload('lossy-sdk-add-anonymous-requirement', 'sdk-clean');
  expect(lossy.securityRequirements).not.toContainEqual({});
  expect(cardOf('lossy-sdk-add-anonymous-requirement').securityRequirements).toContainEqual({});
  expect(await payload('lossy-kagenti-interfaces', 'kagenti')).not.toHaveProperty('supportedInterfaces');
  expect(await payload('wire-python-hybrid', 'spec-8.4.1-known')).not.toHaveProperty('url');
});

test('a signature that its own toolchain could not verify is good under no form', async () => {
  const all = canonicalForms.map(({ name }) => name);
  for (const shape of ['rich', 'unicode']) {
    expect((await verify(`real-js-sdk-instance-${shape}`, all)).outcome).toBe('invalid');
  }
});

test('a mismatch names the forms that were tried', async () => {
  expect((await verify('canon-empties-sdk-clean')).message).toContain('raw-jcs, spec-8.4.1');
});
