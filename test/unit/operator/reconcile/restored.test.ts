import { describe, expect, test } from 'vitest';
import * as build from '../kit/builders.ts';
import type { Given } from '../kit/given.ts';
import { decide, settle, type Told, tell, writes } from '../kit/tell.ts';

const names = ['weather-0', 'weather-1', 'weather-2'] as const;
const each = <T>(value: T) => Object.fromEntries(names.map((name) => [name, value]));
/** All three pods proved themselves; then the operator restarted, and one minute later has learned this much. */
const proven = tell({ pods: each({ answers: {} }) });
const restarted = (pods: Given['pods'] & object, over: Partial<Given> = {}) =>
  tell({ after: 1, complete: false, pods: { ...each({}), ...pods }, ...over }, proven);

/** The same moment with another stored status or other labelled pods. */
function seen(told: Told, over: Partial<Told['snapshot']>): Told {
  return decide({ ...told.snapshot, ...over }, told.settings, told.at);
}

describe('a label that the status does not name', () => {
  const silent = { silent: { minutes: 0 } };

  test.each([
    ['is of an older version, which named none', undefined],
    ['names others', 'A'.repeat(16)],
  ])('stays until its pod was asked, and no longer, where the status %s', (_, covered) => {
    const forgetful = (told: Told) => {
      const { card } = told.snapshot;
      const { covered: __, ...status } = card.status ?? {};
      return seen(told, { card: { ...card, status: covered === undefined ? status : { ...status, covered } } });
    };
    const unasked = forgetful(restarted({}));
    expect([unasked.marks, unasked.asks]).toEqual([[], names.map((name) => `${name} mtls`)]);
    expect(forgetful(restarted({ 'weather-1': silent })).marks).toEqual(['off weather-1']);
    const mixed = forgetful(restarted({ 'weather-0': silent, 'weather-1': { answers: {} }, 'weather-2': silent }));
    expect([...mixed.marks].sort()).toEqual(['off weather-0', 'off weather-2']);
    expect(mixed.says('Verified')).toBe('True mTLSVerified');
  });

  test('goes at once from a pod that is not going to be asked', () => {
    const told = restarted({});
    const { card } = told.snapshot;
    const elsewhere = build.pod('elsewhere-0', { labelled: true });
    expect(seen(told, { labelledPods: [...told.snapshot.labelledPods, elsewhere] }).marks).toEqual(['off elsewhere-0']);
    const suspend: Given = { card: { spec: { suspend: true } }, pods: each({}) };
    const before = tell({ ...suspend, after: 1, pods: each({ answers: {} }) }, proven);
    const suspended = tell({ ...suspend, after: 2, complete: false }, before);
    expect([suspended.marks, suspended.asks]).toEqual([[], []]);
    const forged = build.pod('weather-1', { labelled: true, container: 'forged' });
    expect(seen(suspended, { labelledPods: [forged] }).marks).toEqual(['off weather-1']);
    const unread = restarted({}, { unread: ['weather-1'] });
    const forgetful = { ...card, status: { ...card.status, covered: 'A'.repeat(16) } };
    expect(seen(unread, { card: forgetful }).marks).toEqual(['off weather-1']);
  });

  test('stays where the status names it, whatever was learned of others', () => {
    for (const pods of [{}, { 'weather-1': { answers: {} } }, { 'weather-1': silent }, each(silent)]) {
      expect(restarted(pods).marks).toEqual([]);
      expect(restarted(pods).fields?.covered ?? proven.fields?.covered).toBe(proven.fields?.covered);
    }
  });
});

test('a silent agent that is cut off or not approved any more gets one write, not a second one', () => {
  const pods = each({ silent: { minutes: 0 } });
  const over: Partial<Given>[] = [
    { quarantineList: [{ cardId: proven.fields?.cardId ?? '', reason: 'bad' }] },
    { card: { spec: { approvedCardId: 'c'.repeat(64) } } },
    { card: { spec: { quarantine: { reason: 'incident' } } } },
  ];
  for (const one of over) {
    const told = restarted(pods, { ...one, complete: true });
    expect(told.says('Bound')).toBe('False NoIdentity');
    expect(writes(decide(settle(told), told.settings, told.at))).toEqual([]);
  }
});
