import { describe, expect, test } from 'vitest';
import type { ConfigMap } from '../../../../src/kube/objects.ts';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import type { Handler } from '../../../../src/kube/watch/store.ts';
import type { Caches } from '../../../../src/operator/watch/caches.ts';
import { parseQuarantineList } from '../../../../src/operator/watch/quarantine-entries.ts';
import { followQuarantineList } from '../../../../src/operator/watch/quarantine-list.ts';
import { card } from '../kit/builders.ts';

const list = (entries: unknown): ConfigMap => {
  const data = { entries: typeof entries === 'string' ? entries : JSON.stringify(entries) };
  return { metadata: { name: 'agentcard-quarantine', namespace: 'agentcard-system' }, data };
};
const weather = { card: 'team/weather', reason: 'incident 7' };

describe('the list', () => {
  test('names cards, identities and contents', () => {
    const entries = [
      weather,
      { spiffeId: 'spiffe://example.org/x', reason: 'r' },
      { cardId: 'a'.repeat(64), reason: 'r' },
    ];
    expect(parseQuarantineList(list(entries))).toEqual({ ok: true, value: entries });
  });

  test.each([
    ['no JSON', 'oops'],
    ['no list', {}],
    ['no reason', [{ card: 'team/weather' }]],
    ['two subjects', [{ ...weather, cardId: 'a'.repeat(64) }]],
    ['no subject', [{ reason: 'r' }]],
    ['a card without a namespace', [{ card: 'weather', reason: 'r' }]],
    ['a short cardId', [{ cardId: 'abc', reason: 'r' }]],
    ['a misspelled member', [{ cards: 'team/weather', reason: 'r' }]],
  ])('is malformed with %s, and says where', (_, entries) => {
    const parsed = parseQuarantineList(list(entries));
    expect(parsed.ok).toBe(false);
    if (!parsed.ok) expect(parsed.error.message).toMatch(/^key entries (is no JSON list|entry 0: )/);
  });

  test('without its key is malformed, so that a typing error lifts nothing', () => {
    expect(parseQuarantineList({ metadata: { name: 'x' }, data: { entry: '[]' } }).ok).toBe(false);
  });
});

describe('following it', () => {
  function follow() {
    const woken: string[] = [];
    const told: string[] = [];
    const events: string[] = [];
    let handler: Handler<ConfigMap> = {};
    let held: ConfigMap | undefined;
    const other = { ...card(), metadata: { ...card().metadata, name: 'other', uid: 'other' } };
    const caches = {
      cards: { values: () => [card(), other].values() },
      quarantine: {
        get size() {
          return held === undefined ? 0 : 1;
        },
        onEvent: (given: Handler<ConfigMap>) => {
          handler = given;
        },
      },
    } as unknown as Pick<Caches, 'cards' | 'quarantine'>;
    const now = followQuarantineList(caches, {
      wake: (key, when) => woken.push(`${key}${when === undefined ? '' : ' later'}`),
      record: ({ regarding, reason }) => events.push(`${regarding.kind} ${reason}`),
      log: createLogger({ write: () => {} }),
      malformed: (is) => told.push(is ? 'malformed' : 'good'),
    });
    const set = (next: ConfigMap | undefined) => {
      const before = held;
      held = next;
      woken.length = 0;
      if (next === undefined) before && handler.remove?.(before);
      else if (before === undefined) handler.add?.(next, false);
      else handler.update?.(before, next);
    };
    return { now, set, woken, told, events };
  }

  test('a list that is not there names nobody', () => expect(follow().now()).toEqual([]));

  test('one that is malformed from the start is unknown, not empty', () => {
    const { now, set, told, events } = follow();
    set(list('oops'));
    expect(now()).toBeUndefined();
    expect(told).toEqual(['malformed']);
    expect(events).toEqual(['ConfigMap QuarantineListMalformed']);
  });

  test('the last good list stays when a later one is malformed', () => {
    const { now, set } = follow();
    set(list([weather]));
    set(list('oops'));
    expect(now()).toEqual([weather]);
  });

  test('the cards that a change names come first, all others later', () => {
    const { set, woken } = follow();
    set(list([weather]));
    expect(woken).toEqual(['team/weather', 'team/weather later', 'team/other later']);
    set(list([weather, { card: 'team/other', reason: 'r' }]));
    expect(woken[0]).toBe('team/other');
  });

  test('deleting it lifts what it named', () => {
    const { now, set, woken } = follow();
    set(list([weather]));
    set(undefined);
    expect(now()).toEqual([]);
    expect(woken[0]).toBe('team/weather');
  });
});
