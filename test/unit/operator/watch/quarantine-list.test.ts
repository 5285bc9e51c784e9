import { describe, expect, test } from 'vitest';
import type { ConfigMap } from '../../../../src/kube/objects.ts';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import type { Handler } from '../../../../src/kube/watch/store.ts';
import type { Caches } from '../../../../src/operator/watch/caches.ts';
import { emptyList, parseQuarantineList } from '../../../../src/operator/watch/quarantine-entries.ts';
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
    expect(parseQuarantineList(list(entries))).toEqual({ entries, isPartial: false });
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
    ['a trust domain in capitals', [{ spiffeId: 'spiffe://Example.org/ns/team/sa/weather', reason: 'r' }]],
    ['a slash at the end of an ID', [{ spiffeId: 'spiffe://example.org/ns/team/sa/weather/', reason: 'r' }]],
    ['no trust domain', [{ spiffeId: 'spiffe://', reason: 'r' }]],
    ['the ID of a trust domain, which no agent has', [{ spiffeId: 'spiffe://example.org', reason: 'r' }]],
    ['a namespace in capitals', [{ card: 'Team/weather', reason: 'r' }]],
    ['a blank after a name', [{ card: 'team/weather ', reason: 'r' }]],
    ['a namespace that is no label', [{ card: 'te.am/weather', reason: 'r' }]],
    ['a name that is too long', [{ card: `team/${Array(70).fill('abc').join('.')}`, reason: 'r' }]],
    ['a cardId in capitals', [{ cardId: 'A'.repeat(64), reason: 'r' }]],
  ])('is malformed with %s, and says where', (_, entries) => {
    const { fault, isPartial } = parseQuarantineList(list(entries));
    expect(fault).toMatch(/^key entries (is no JSON list|entry 0: )/);
    expect(isPartial).toBe(true);
  });

  test('names cards as Kubernetes lets them be called', () => {
    const names = ['a', '1', 'a-b', 'weather.v1', `${'a'.repeat(60)}.b`];
    const entries = names.map((name) => ({ card: `team-1/${name}`, reason: 'r' }));
    expect(parseQuarantineList(list(entries))).toEqual({ entries, isPartial: false });
  });

  test('with an entry that can name nobody still says the others', () => {
    const { entries, fault } = parseQuarantineList(list([weather, { spiffeId: 'spiffe://', reason: 'r' }]));
    expect(entries).toEqual([weather]);
    expect(fault).toContain('entry 1: ');
  });

  test('without its key is malformed, so that a typing error lifts nothing', () => {
    expect(parseQuarantineList({ metadata: { name: 'x' }, data: { entry: '[]' } }).fault).toBeDefined();
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

  test('a list that is not there names nobody', () => expect(follow().now()).toEqual(emptyList));

  test('one that is malformed from the start is unknown, not empty', () => {
    const { now, set, told, events } = follow();
    set(list('oops'));
    expect(now()).toEqual({ entries: [], isPartial: true });
    expect(told).toEqual(['malformed']);
    expect(events).toEqual(['ConfigMap QuarantineListMalformed']);
  });

  test('the last good list stays when a later one is malformed, and what can be read is added', () => {
    const { now, set } = follow();
    set(list([weather]));
    set(list('oops'));
    expect(now()).toEqual({ entries: [weather], isPartial: false });
    const other = { card: 'team/other', reason: 'r' };
    set(list([{ card: 'Team/weather', reason: 'r' }, other]));
    expect(now()).toEqual({ entries: [weather, other], isPartial: false });
    set(list([other]));
    expect(now()).toEqual({ entries: [other], isPartial: false });
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
    expect(now()).toEqual(emptyList);
    expect(woken[0]).toBe('team/weather');
  });
});
