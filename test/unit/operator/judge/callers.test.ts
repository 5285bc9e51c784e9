import { describe, expect, test } from 'vitest';
import { callersOf, callersShown } from '../../../../src/operator/judge/callers.ts';
import * as build from '../kit/builders.ts';
import { snapshotOf } from '../kit/given.ts';
import { tell } from '../kit/tell.ts';

const idOf = (account: string) => `spiffe://example.org/ns/team/sa/${account}`;
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
    ['has no workload', { agentCard: { name: 'idle' } }, 'Its workload is not there.'],
    [
      'demands what cannot be met',
      { agentCard: { name: 'torn' } },
      'AgentCards torn and rival demand different trust domains.',
    ],
  ])('is unknown of an agent that %s, and why is said', (_, caller, why) => {
    const { agentNamed, ...rest } = snapshotOf({ agents: { 'team/idle': null, 'team/torn': {} } }, build.now);
    const cardIn = (name: string, trustDomain: string) =>
      build.card({
        metadata: { name, namespace: 'team' },
        spec: { ...build.card().spec, identityBinding: { trustDomain } },
      });
    const named = (key: string) =>
      key === 'team/torn'
        ? { card: cardIn('torn', 'a.example'), siblings: [cardIn('rival', 'b.example')], workload: build.workload }
        : agentNamed(key);
    const callers = callersOf({ ...rest, agentNamed: named }, { callers: [[caller]] }, build.settings);
    expect(callers?.listed).toEqual([expect.objectContaining({ ids: [], why })]);
    expect(callers?.ids).toEqual([]);
  });
});

test('a card that is given a list by the guard’s own field alone is held to it while its workload is not there', () => {
  const { says, verdict } = tell({ card: { spec: { callers: [] } }, workload: null });
  expect(verdict.callers?.ids).toEqual([]);
  expect(says('CallersEnforced')).toBe('False NotEnforceable');
});

test('what a status shows of callers is bounded, however long the lists and their identities', () => {
  const long = Array.from({ length: 64 }, (_, n) => ({
    who: `AgentCard team/${n}`,
    ids: Array.from({ length: 16 }, (_, m) => `spiffe://example.org/${'x'.repeat(2_000)}/${n}/${m}`),
  }));
  const shown = callersShown({ listed: [...long, ...long], ids: [], unknown: [] });
  expect(shown).toHaveLength(64);
  expect(JSON.stringify(shown).length).toBeLessThan(24_000);
  expect(shown[0]?.ids).toHaveLength(4);
});
