import type { JsonObject, JsonValue } from '../../src/agentcard/document/json.ts';
import { cardLimits } from '../../src/agentcard/document/strict-json.ts';

/** Cards that are accepted and cost as much as a card can: each uses one limit up. */
export function hostileCards(): readonly (readonly [name: string, card: JsonObject])[] {
  const values = cardLimits.maxValues - 100;
  const bytes = cardLimits.maxBytes - 10_000;
  const named = (name: string, member: JsonValue) => [name, { ...least, member }] as const;
  const keys = (key: (index: number) => string) =>
    Object.fromEntries(Array.from({ length: values }, (_, index) => [key(index), 1]));
  return [
    named('numbers', Array(values).fill(1)),
    named('empty objects', Array(values).fill({})),
    named('small objects', Array(values / 2).fill({ a: 1 })),
    named(
      'objects of many shapes',
      Array.from({ length: values / 2 }, (_, index) => ({ [`k${index}`]: 1 })),
    ),
    named('deep arrays', Array(Math.floor(values / 61)).fill(nested(60, (inner) => [inner]))),
    named('deep objects', Array(Math.floor(values / 61)).fill(nested(60, (inner) => ({ a: inner })))),
    named(
      'keys',
      keys((index) => `k${index}`),
    ),
    named(
      'keys that are integers',
      keys((index) => String((index * 7919) % 999_983)),
    ),
    ['members', { ...keys((index) => `k${index}`), ...least }],
    named('escapes', '\u0001'.repeat(bytes / 6)),
    named('one long string', 'a'.repeat(bytes)),
    named('descriptions', Array(values / 2).fill({ description: '' })),
    ['skills', { ...least, skills: Array(Math.floor(values / 8)).fill(skill) }],
  ];
}

const least: JsonObject = { name: 'x', version: '1', url: 'http://agent.demo.svc' };
const skill: JsonObject = { id: 'a', name: 'b', description: 'c', tags: ['d'], examples: ['e'] };

function nested(depth: number, wrap: (inner: JsonValue) => JsonValue): JsonValue {
  let value: JsonValue = 1;
  for (let level = 0; level < depth; level += 1) value = wrap(value);
  return value;
}
