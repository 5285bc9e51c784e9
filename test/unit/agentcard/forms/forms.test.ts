import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../../../src/agentcard/document/json.ts';
import { canonicalForms, defaultForms, parseForms } from '../../../../src/agentcard/forms/forms.ts';

function write(name: string, card: JsonObject): JsonObject | undefined {
  const text = canonicalForms.find((form) => form.name === name)?.write(card);
  return text === undefined ? undefined : JSON.parse(text);
}

test('the default forms are those that cover everything', () => {
  expect(defaultForms.map(({ name }) => name)).toEqual(['raw-jcs', 'spec-8.4.1']);
  expect(defaultForms.every(({ coverage }) => coverage === 'full')).toBe(true);
});

test('no form signs the signatures', () => {
  for (const form of canonicalForms)
    expect(form.write({ name: 'x', signatures: [{ a: 1 }] })).toMatch(/^\{"name":"x"\}$/);
});

test('the presence rules keep REQUIRED and optional members at their default and drop the others', () => {
  const card = {
    description: '',
    iconUrl: '',
    skills: [],
    securityRequirements: [],
    capabilities: { streaming: false, extensions: [{ uri: '', required: false, params: { a: '', b: [] } }] },
    provider: {},
    documentationUrl: null,
    extra: '',
  };
  const kept = {
    description: '',
    iconUrl: '',
    skills: [],
    capabilities: { streaming: false, extensions: [{ params: { a: '', b: [] } }] },
    provider: {},
  };
  expect(write('spec-8.4.1', card)).toEqual({ ...kept, extra: '' });
  expect(write('spec-8.4.1-known', card)).toEqual(kept);
  expect(write('sdk-clean', { ...card, name: 'x' })).toEqual({ name: 'x', capabilities: { streaming: false } });
});

test('forms that depend on types do not apply where a type is wrong', () => {
  for (const card of [{ name: 1 }, { skills: {} }, { skills: [[]] }, { capabilities: { streaming: 'false' } }]) {
    expect(write('raw-jcs', card)).toEqual(card);
    expect(write('spec-8.4.1', card)).toBeUndefined();
    expect(write('sdk-clean', card)).toBeUndefined();
  }
  const bareScopes = { securityRequirements: [{ schemes: { key: ['read'] } }] };
  expect(write('spec-8.4.1', bareScopes)).toBeUndefined();
});

test('a key named __proto__ stays in the signed text', () => {
  const params = JSON.parse('{"__proto__":{"x":1},"y":1}');
  const card: JsonObject = { capabilities: { extensions: [{ uri: 'u', params }] } };
  for (const { name, write: text } of canonicalForms) expect(text(card), name).toContain('"__proto__"');
});

test('the legacy forms write what json.dumps and encoding/json write', () => {
  const params = { one: 1, small: 1e-7, tiny: 0.00001, large: 1e16, zero: -0, half: 2.5 };
  const card: JsonObject = { name: 'é<😀', capabilities: { extensions: [{ uri: 'u', params }] } };
  const [python, go] = ['py-legacy', 'kagenti'].map((name) =>
    canonicalForms.find((form) => form.name === name)?.write(card),
  );
  expect(python).toBe(
    '{"capabilities":{"extensions":[{"params":{"half":2.5,"large":1e+16,"one":1.0,"small":1e-07,"tiny":1e-05,"zero":-0.0},"uri":"u"}]},' +
      '"name":"\\u00e9<\\ud83d\\ude00"}',
  );
  expect(go).toBe(
    '{"capabilities":{"extensions":[{"params":{"half":2.5,"large":10000000000000000,"one":1,"small":1e-7,"tiny":0.00001,"zero":-0},"uri":"u"}]},' +
      '"name":"é\\u003c😀"}',
  );
});

test('every form writes JSON, and applies to any object or says that it does not', () => {
  const keys = fc.constantFrom('name', 'skills', 'capabilities', 'provider', 'securitySchemes', 'extra', 'url');
  fc.assert(
    fc.property(fc.dictionary(keys, fc.jsonValue({ maxDepth: 3 })), (raw) => {
      for (const form of canonicalForms) {
        const text = form.write(raw as { [key: string]: JsonValue });
        if (text !== undefined) expect(typeof JSON.parse(text)).toBe('object');
      }
    }),
  );
});

test('a list of forms is read in any order and tried in the order of what they prove', () => {
  const parsed = parseForms('kagenti, raw-jcs,kagenti');
  expect(parsed.ok && parsed.value.map(({ name }) => name)).toEqual(['raw-jcs', 'kagenti']);
  expect(parseForms('raw-jcs,nonsense')).toMatchObject({ ok: false, error: { code: 'UnknownForm' } });
  expect(parseForms('')).toMatchObject({ ok: false });
});
