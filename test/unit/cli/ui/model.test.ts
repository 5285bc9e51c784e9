import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../../src/agentcard/agentcard.ts';
import { agentView } from '../../../../src/cli/ui/agent-view.ts';
import { cardText } from '../../../../src/cli/ui/card-text.ts';
import { mapView } from '../../../../src/cli/ui/map-view.ts';
import { nothingYet, worldAfter } from '../../../../src/cli/ui/page/feed.ts';
import { countsBy, filtered, isRecent, ordered, standingOf } from '../../../../src/cli/ui/page/fleet-order.ts';
import { layoutOf, mostAgents } from '../../../../src/cli/ui/page/map-layout.ts';
import { noFilter, routeOf, urlOf } from '../../../../src/cli/ui/page/route.ts';
import { rowOf } from '../../../../src/cli/ui/rows.ts';
import type { Row } from '../../../../src/cli/ui/view.ts';
import type { AgentCard } from '../../../../src/operator/api/agentcard.ts';
import { agentCard, company, type Told } from '../../../browser/fleet.ts';
import { fleetOf } from './fleet-of.ts';

const now = Date.parse('2027-01-01T12:00:00Z');
const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString();
const row = (over: Partial<Row>): Row => ({
  ...{ key: 'team/a', namespace: 'team', name: 'a', agent: 'A', workload: 'Deployment a', ready: 'True' },
  ...{ reason: 'ReadyToServe', message: '', quarantined: false, heldSince: null, endsAt: null, changedAt: at(-90) },
  version: '1',
  ...over,
});
const told = (over: Partial<Told>): AgentCard =>
  agentCard({ namespace: 'team', name: 'a', ready: 'True', reason: 'ReadyToServe', ...over });

describe('the fleet', () => {
  const rows = [
    row({ key: 'team/ready' }),
    row({ key: 'team/failing', ready: 'False', reason: 'FetchFailed' }),
    row({ key: 'team/expiring', endsAt: at(5) }),
    row({ key: 'team/held', ready: 'False', heldSince: at(-1) }),
    row({ key: 'team/cut', ready: 'False', reason: 'Quarantined', quarantined: true, changedAt: at(-5) }),
  ];
  const keys = (some: readonly Row[]) => some.map(({ key }) => key.slice(5));

  test('quarantined, held and expiring agents come before those that fail, and these before the ready', () => {
    expect(keys(ordered(rows, { now, braked: false }))).toEqual(['cut', 'held', 'expiring', 'failing', 'ready']);
  });

  test('what is held while the brake holds is told as braked', () => {
    const held = row({ heldSince: at(-1) });
    expect(standingOf(held, { now, braked: false })).toBe('held');
    expect(standingOf(held, { now, braked: true })).toBe('braked');
  });

  test('an end that has passed, or is far, is not told', () => {
    for (const endsAt of [at(-1), at(60)]) expect(standingOf(row({ endsAt }), { now, braked: false })).toBe('ready');
  });

  test('filters by namespace, reason, every word, and the last hour', () => {
    const found = (over: object) => keys(filtered(rows, { ...noFilter, ...over }, now));
    expect(found({ ns: 'other' })).toEqual([]);
    expect(found({ reason: 'FetchFailed' })).toEqual(['failing']);
    expect(found({ q: 'TEAM fetch' })).toEqual(['failing']);
    expect(found({ recent: '1' })).toEqual(['cut']);
    expect(isRecent(row({ changedAt: '' }), now)).toBe(false);
    expect(countsBy(rows, ({ reason }) => reason)[0]).toEqual(['ReadyToServe', 3]);
  });

  test('a row says what the card’s status says, and a card without one is not judged yet', () => {
    const [refunds] = company.filter(({ name }) => name === 'refunds').map(agentCard);
    expect(rowOf(refunds as AgentCard)).toMatchObject({
      key: 'payments/refunds',
      ready: 'False',
      reason: 'IdentityMismatch',
    });
    const bare = { metadata: { name: 'x', namespace: 'y' }, spec: { syncPeriod: '5m' } };
    expect(rowOf(bare)).toMatchObject({ ready: 'Unknown', reason: 'NotJudgedYet', workload: '' });
  });

  test('the world is what was told, and each difference', () => {
    const news = { all: true, rows, gone: [], touched: [], network: 1, seeing: null };
    const world = worldAfter(nothingYet, news);
    const next = worldAfter(world, {
      ...news,
      all: false,
      rows: [row({ key: 'team/new' })],
      gone: ['team/cut'],
      touched: ['team/new'],
    });
    expect(keys([...next.rows.values()])).toEqual(['ready', 'failing', 'expiring', 'held', 'new']);
    expect(next.touches.get('team/new')).toBe(1);
    expect(worldAfter(next, { ...news, rows: [] }).rows.size).toBe(0);
  });
});

test.each([
  '/fleet',
  '/fleet?ns=team&reason=FetchFailed&q=a+b&recent=1',
  '/map',
  '/map?ns=team',
  '/agent/team/weather',
])('a state is its URL: %s', (url) => {
  const { pathname, search } = new URL(url, 'http://page');
  expect(urlOf(routeOf(pathname, search))).toBe(url);
});

describe('an agent', () => {
  test('shows every question with what it asks, expected and observed, and what to do', () => {
    const { checks, conditions } = agentView(
      told({ ready: 'False', reason: 'IdentityMismatch', seen: 'X came.' }),
      [],
      new Map(),
    );
    expect(checks.find(({ name }) => name === 'server-identity')).toEqual({
      ...{ name: 'server-identity', result: 'fail', asks: 'Is who serves the card the one who must?' },
      ...{ expected: 'spiffe://example.org/ns/team/sa/a', observed: 'X came.' },
      hint: 'Look at the agent: its log and its port.',
    });
    expect(conditions[0]).toMatchObject({ said: 'X came.', todo: expect.stringMatching(/^Find out who answers/) });
  });

  test('its history tells the difference of two versions that were seen, and says nothing of others', () => {
    const [before, between, later] = ['a', 'b', 'c'].map((letter) => letter.repeat(64));
    const history = [later, between, before].map((cardId = '') => ({ cardId, time: at(0) }));
    const base = { name: 'A', version: '1', url: 'https://a.example' };
    const versions = new Map<string, JsonObject>([
      [between ?? '', base],
      [later ?? '', { ...base, url: 'https://elsewhere.example', description: 'New words.' }],
    ]);
    const view = agentView(told({ status: { history } }), [], versions);
    expect(view.history.map(({ changes }) => changes?.map(({ path, weight }) => `${path} ${weight}`))).toEqual([
      ['$.description descriptive', '$.url structural'],
      undefined,
      undefined,
    ]);
  });

  test('events are told the newest first, with their repetitions', () => {
    const event = (reason: string, eventTime: string, count = 1) => ({
      ...{ metadata: { name: reason }, reason, type: 'Warning', note: 'Seen.', eventTime },
      series: count > 1 ? { count, lastObservedTime: at(3) } : null,
    });
    const { events } = agentView(
      told({}),
      [event('Old', at(1)), event('New', at(2)), event('Often', at(0), 9)],
      new Map(),
    );
    expect(events.map(({ reason, count }) => `${reason} ${count}`)).toEqual(['Often 9', 'New 1', 'Old 1']);
  });
});

describe('a hostile card', () => {
  const long = 'x'.repeat(100_000);
  const nasty = `<img src=x onerror=alert(1)>\u202e\u0000\u200b${long}`;

  test('is shown plain, cut, and with an end to every list', () => {
    const many = Array.from({ length: 10_000 }, (_, index) => ({
      id: `${index}`,
      name: nasty,
      description: nasty,
      tags: Array(999).fill(nasty),
    }));
    const view = cardText({
      name: nasty,
      description: nasty,
      url: nasty,
      skills: many,
      provider: { organization: nasty, url: nasty },
    });
    const text = JSON.stringify(view);
    expect(text.length).toBeLessThan(120_000);
    expect(text).not.toMatch(/\u202e|\\u0000|\u200b/);
    expect(view.skills.length).toBe(50);
    expect(view.more).toBe(9_950);
  });

  test.each([null, 7, 'text', [], [null], { skills: 'many', provider: 3, capabilities: [], additionalInterfaces: {} }])(
    'of any shape takes nothing down: %j',
    (shape) => {
      expect(cardText(Object(shape)).skills).toEqual([]);
      expect(cardText({ name: shape, skills: shape, url: shape, capabilities: shape }).name.length).toBeLessThan(9);
    },
  );
});

describe('the map', () => {
  const map = () =>
    mapView(fleetOf(company.map(agentCard), { travel: 'enforce', payments: 'enforce', research: 'audit' }));
  const of = (key: string) => map().agents.find((agent) => agent.key === key);

  test('without a list every verified agent may call, and nobody calls one that is not verified', () => {
    expect(of('travel/flights')).toMatchObject({ admits: 'verified', enforced: true });
    expect(of('payments/refunds')).toMatchObject({ admits: 'nobody', why: 'IdentityMismatch' });
    expect(of('travel/car-rental')).toMatchObject({ admits: 'nobody', why: 'Quarantined', enforced: true });
    expect(of('research/papers')).toMatchObject({ admits: 'verified', enforced: false });
  });

  test('a list is lines from those it names; who cannot call is told why', () => {
    expect(of('payments/ledger')).toMatchObject({ admits: 'listed' });
    expect(map().lines.filter(({ to }) => to === 'payments/payouts')).toEqual([
      { from: 'payments/ledger', isAgent: true, to: 'payments/payouts', why: '' },
      { from: 'payments/fraud-watch', isAgent: true, to: 'payments/payouts', why: '' },
      { from: 'payments/gone', isAgent: true, to: 'payments/payouts', why: expect.stringContaining('not there') },
    ]);
  });

  test('what enforcing would cut is told of namespaces without it', () => {
    expect(map().cuts.map(({ key, from }) => `${key} ${from}`)).toEqual([
      'research/crawler every agent',
      'research/notebook every agent',
    ]);
  });

  test('a policy of others that lets more in is told by name', () => {
    const weakened = {
      type: 'Enforced',
      status: 'False',
      reason: 'Weakened',
      message: 'NetworkPolicy allow-all lets more in.',
      lastTransitionTime: at(0),
    } as const;
    const [agent] = mapView(fleetOf([told({ conditions: [weakened] })], { team: 'enforce' })).agents;
    expect(agent).toMatchObject({ enforced: false, exception: 'NetworkPolicy allow-all lets more in.' });
  });

  test('above sixty agents namespaces stand for them, but for the chosen one', () => {
    const many = Array.from({ length: mostAgents + 1 }, (_, index) =>
      told({ namespace: `team-${index % 3}`, name: `a${index}` }),
    );
    const crowd = mapView(fleetOf(many, {}));
    const ids = (chosen: string) => layoutOf(crowd, chosen).groups.verified.map(({ id, count }) => `${id} ${count}`);
    expect(ids('').sort()).toEqual(['team-0 21', 'team-1 20', 'team-2 20']);
    expect(ids('team-1').length).toBe(22);
    expect(layoutOf(map(), '').links.find(({ from }) => from === 'payments/gone')).toMatchObject({ kind: 'broken' });
    expect(layoutOf(map(), '').links.find(({ from }) => from === 'payments/invoices')).toMatchObject({ kind: 'holds' });
  });
});
