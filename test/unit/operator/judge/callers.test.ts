import { describe, expect, test } from 'vitest';
import { callersOf, callersShown } from '../../../../src/operator/judge/callers.ts';
import * as build from '../kit/builders.ts';
import { snapshotOf } from '../kit/given.ts';
import { tell } from '../kit/tell.ts';

const idOf = (account: string) => `spiffe://example.org/ns/team/sa/${account}`;
const elsewhere = 'It is not there, cannot be read, or demands what no agent can meet.';
const one = (callers: object[], agents = {}, settings = {}) =>
  tell({ card: { spec: { callers } as never }, agents, settings }).verdict.callers?.listed[0];

describe('what a caller must prove', () => {
  test('is what its own card demands, in the namespace that is named', () => {
    const allowing = { ...build.card().spec, identityBinding: { allowedSpiffeIDs: [idOf('b'), idOf('a')] } };
    const agents = { 'team/planner': {}, 'far/planner': { namespace: 'far' }, 'team/two': { spec: allowing } };
    const ids = (name: string, namespace?: string) => one([{ agentCard: { name, namespace } }], agents)?.ids;
    expect(ids('planner')).toEqual([idOf('planner')]);
    expect(ids('planner', 'far')).toEqual(['spiffe://example.org/ns/far/sa/planner']);
    expect(ids('two')).toEqual([idOf('a'), idOf('b')]);
  });

  test('follows the template of SPIFFE IDs for service accounts too', () => {
    const settings = { spiffeIdTemplate: 'spiffe://{{ .TrustDomain }}/{{ .PodSpec.ServiceAccountName }}' };
    expect(one([{ serviceAccount: { name: 'cron' } }], {}, settings)?.ids).toEqual(['spiffe://example.org/cron']);
  });

  test('no status says who a caller is', () => {
    const claims = { expectedSpiffeID: build.impostor, attestedAgentSpiffeId: build.impostor };
    const { agentNamed, ...rest } = snapshotOf({ agents: { 'team/planner': {} } }, build.now);
    const lying = (key: string) => {
      const agent = agentNamed(key);
      return agent && { ...agent, card: { ...agent.card, status: claims } };
    };
    const callers = callersOf(
      { ...rest, agentNamed: lying },
      { callers: [[{ agentCard: { name: 'planner' } }]] },
      build.settings,
    );
    expect(callers?.ids).toEqual([idOf('planner')]);
  });

  test.each([
    ['is not there', { agentCard: { name: 'gone' } }, 'It is not there, or in a namespace that is not watched.'],
    ['has no workload', { agentCard: { name: 'idle' } }, 'Its workload is not there, or cannot be read.'],
    ['is not there elsewhere', { agentCard: { name: 'gone', namespace: 'far' } }, elsewhere],
    ['has no workload elsewhere', { agentCard: { name: 'idle', namespace: 'far' } }, elsewhere],
    [
      'demands what cannot be met',
      { agentCard: { name: 'torn' } },
      'AgentCards torn and rival demand different trust domains.',
    ],
  ])('is unknown of an agent that %s, and why is said', (_, caller, why) => {
    const { agentNamed, ...rest } = snapshotOf(
      { agents: { 'team/idle': null, 'far/idle': null, 'team/torn': {} } },
      build.now,
    );
    const cardIn = (name: string, trustDomain: string) =>
      build.card({
        metadata: { name, namespace: 'team' },
        spec: { ...build.card().spec, identityBinding: { trustDomain } },
      });
    const named = (key: string) =>
      key === 'team/torn'
        ? {
            card: cardIn('torn', 'a.example'),
            siblings: [cardIn('rival', 'b.example')],
            workload: build.workload,
            winner: undefined,
          }
        : agentNamed(key);
    const callers = callersOf({ ...rest, agentNamed: named }, { callers: [[caller]] }, build.settings);
    expect(callers?.listed).toEqual([expect.objectContaining({ ids: [], why })]);
    expect(callers?.ids).toEqual([]);
  });
});

test('a card beside the one that stands for a workload is no caller, whatever it demands', () => {
  const { agentNamed, ...rest } = snapshotOf({ agents: { 'team/planner': {} } }, build.now);
  const winner = build.card({ metadata: { name: 'first', namespace: 'team' } });
  const losing = (key: string) => {
    const agent = agentNamed(key);
    return agent && { ...agent, winner };
  };
  const lists = { callers: [[{ agentCard: { name: 'planner' } }]] };
  const callers = callersOf({ ...rest, agentNamed: losing }, lists, build.settings);
  expect(callers?.unknown).toEqual([expect.objectContaining({ why: 'AgentCard first stands for its workload.' })]);
});

test('of a caller only the identities are shown that every list lets in', () => {
  const allowing = { ...build.card().spec, identityBinding: { allowedSpiffeIDs: [idOf('a'), idOf('b')] } };
  const { agentNamed, ...rest } = snapshotOf({ agents: { 'team/two': { spec: allowing } } }, build.now);
  const lists = { callers: [[{ agentCard: { name: 'two' } }], [{ spiffeID: idOf('a') }]] };
  const callers = callersOf({ ...rest, agentNamed }, lists, build.settings);
  expect(callers?.listed.map(({ ids }) => ids)).toEqual([[idOf('a')], [idOf('a')]]);
});

test('each caller is looked at once, however often lists name it', () => {
  const { agentNamed, ...rest } = snapshotOf({ agents: { 'team/planner': {} } }, build.now);
  let looks = 0;
  const counting = (key: string) => {
    looks += 1;
    return agentNamed(key);
  };
  const list = Array.from({ length: 64 }, () => ({ agentCard: { name: 'planner' } }));
  callersOf({ ...rest, agentNamed: counting }, { callers: [list, list, list] }, build.settings);
  expect(looks).toBe(1);
});

test('where single namespaces are watched, an account of another one cannot call', () => {
  const settings = { namespaces: ['team'] };
  expect(one([{ serviceAccount: { name: 'cron', namespace: 'far' } }], {}, settings)?.why).toContain('not watched');
  expect(one([{ serviceAccount: { name: 'cron' } }], {}, settings)?.why).toBeUndefined();
});

test('audit says that it holds nobody, and who is unknown', () => {
  const spec = { callers: [{ agentCard: { name: 'gone' } }] };
  const { condition, says } = tell({ card: { spec }, settings: { enforcement: 'audit' } });
  expect(says('CallersEnforced')).toBe('False Audit');
  expect(condition('CallersEnforced')?.message).toContain('AgentCard team/gone: It is not there');
});

test('a list is held to before the agent has answered anew, unless it names one of whom nothing is known', () => {
  const card = (callers: object[]) => ({ spec: { callers } as never });
  const known = tell({ card: card([{ serviceAccount: { name: 'cron' } }, { serviceAccount: { name: 'ops' } }]) });
  const later = (callers: object[]) => tell({ card: card(callers), pods: { 'weather-0': {} }, complete: false }, known);
  const shorter = later([{ serviceAccount: { name: 'cron' } }]);
  expect(shorter.verdict.pending).toBe(true);
  expect(shorter.plan.policy.operations.map(({ kind }) => kind)).toEqual(['replace']);
  expect(later([{ agentCard: { name: 'gone' } }]).plan.policy.operations).toEqual([]);
});

test('a suspended agent that is scaled after a restart is judged by what is known, and held to its list', () => {
  const card = (callers: object[], suspend = false) => ({ spec: { callers, suspend } as never });
  const known = tell({ card: card([{ serviceAccount: { name: 'cron' } }]) });
  const left = tell({ after: 1, card: card([{ serviceAccount: { name: 'cron' } }], true) }, known);
  const pods = { 'weather-0': {}, 'weather-1': {} };
  const { verdict, fields } = tell({ after: 2, complete: false, pods, card: card([], true) }, left);
  expect(verdict.pending).toBe(false);
  expect(fields?.callers).toEqual([]);
});

test('a card that is given a list by the guard’s own field alone is held to it while its workload is not there', () => {
  const { says, verdict } = tell({ card: { spec: { callers: [] } }, workload: null });
  expect(verdict.callers?.ids).toEqual([]);
  expect(says('CallersEnforced')).toBe('False NotEnforceable');
});

test('what a status shows of callers is bounded, however long the lists and their identities', () => {
  const long = Array.from({ length: 64 }, (_, n) => ({
    who: `spiffe://example.org/${'y'.repeat(2_000)}/${n}`,
    ids: Array.from({ length: 16 }, (_, m) => `spiffe://example.org/${'x'.repeat(2_000)}/${n}/${m}`),
  }));
  const shown = callersShown({ listed: [...long, ...long], ids: [], unknown: [] });
  expect(shown).toHaveLength(64);
  expect(JSON.stringify(shown).length).toBeLessThan(40_000);
  expect(shown[0]?.ids).toHaveLength(4);
});
