import { afterEach, describe, expect, test, vi } from 'vitest';
import { allCommands } from '../../../src/cli/run.ts';
import { cli, onCluster, oneSentence } from './cli.ts';

const commands = await allCommands();
afterEach(() => vi.unstubAllEnvs());

const card = { metadata: { name: 'weather', namespace: 'team', uid: 'u', resourceVersion: '7' }, spec: {} };
const cards = '/apis/agent.kagenti.dev/v1alpha1/namespaces/team/agentcards/weather';

/** A cluster with one card. */
const world = () =>
  onCluster((call) => {
    if (call.endsWith(cards.slice(1))) return { apiVersion: 'agent.kagenti.dev/v1alpha1', kind: 'AgentCard', ...card };
    return call.startsWith('GET') && call.endsWith('s') ? { items: [] } : 404;
  });
const release = ['quarantine', 'weather', '--reason', 'x'];

describe('who asks', () => {
  test('is whom the options name, on every request', async () => {
    const { run, requests } = await world();
    const as = ['--as', 'jané', '--as-group', 'ops', '--as-group', 'a,b'];
    expect(await run(...release, ...as, '--token', 'mine')).toMatchObject({ status: 0 });
    expect(requests.length).toBeGreaterThan(1);
    for (const { headers, headersDistinct } of requests) {
      expect(Buffer.from(String(headers['impersonate-user']), 'latin1').toString()).toBe('jané');
      expect(headers).toMatchObject({ authorization: 'Bearer mine' });
      expect(headersDistinct['impersonate-group']).toEqual(['ops', 'a,b']);
    }
  });

  test('is of a group only together with a user', async () => {
    const { run, requests } = await world();
    expect(await run(...release, '--as-group', 'ops')).toMatchObject(oneSentence);
    expect(requests).toEqual([]);
  });

  test('is never said to the API server by what cannot stand in a header', async () => {
    const { run, requests } = await world();
    for (const flag of ['--as', '--token'])
      expect((await run(...release, flag, 'a\r\nx: y')).err).toMatch(
        /^error: --as, --as-group and --token take no control/,
      );
    expect(requests).toEqual([]);
  });
});

test.each([
  ['0', 0],
  ['0s', 0],
  ['5', 0],
  ['1m30s', 0],
  ['soon', 2],
  ['-1s', 2],
  ['1ns', 2],
])('--request-timeout %s is what kubectl takes, or told: exit status %d', async (time, status) => {
  const { run } = await world();
  expect(await run(...release, '--request-timeout', time)).toMatchObject({ status });
});

test.each([
  'weather',
  'agentcard/weather',
  'agentcards/weather',
  'cards/weather',
  'agentcards.agent.kagenti.dev/weather',
])('a card is named as kubectl names it: %s', async (name) => {
  expect(await (await world()).run('quarantine', name, '--reason', 'x')).toMatchObject({ status: 0 });
});

test.each([
  'pod/weather',
  'agentcard/',
  '/weather',
  'agentcard/weather/x',
  'agentcard.apps/weather',
  'constructor/weather',
])('%s names no card, and nothing is asked for', async (name) => {
  const { run, requests } = await world();
  expect(await run('quarantine', name, '--reason', 'x')).toMatchObject(oneSentence);
  expect(requests).toEqual([]);
});

describe('-o of an order', () => {
  test('prints the card as the API server has it now, or its name', async () => {
    const { run } = await world();
    expect((await run(...release, '-o', 'name')).out).toBe('agentcard.agent.kagenti.dev/weather\n');
    expect(JSON.parse((await run(...release, '-o', 'json')).out)).toMatchObject({ kind: 'AgentCard', ...card });
    expect((await run(...release, '-o', 'yaml')).out).toContain('kind: AgentCard\n');
    expect((await run(...release)).out).toBe(
      'AgentCard weather is quarantined; see kubectl agentcard explain weather -n team\n',
    );
  });

  test.each(['{}', '[]', '{"metadata":null}'])('says what was ordered where the answer is %s', async (answer) => {
    const { run } = await onCluster((call) => (call.startsWith('GET') ? card : answer));
    expect(await run(...release)).toMatchObject({
      status: 0,
      out: expect.stringContaining('AgentCard weather is quar'),
    });
  });

  test('that is wrong orders nothing', async () => {
    const { run, requests } = await world();
    expect(await run(...release, '-o', 'wide')).toMatchObject(oneSentence);
    expect(requests).toEqual([]);
  });
});

describe('where a whole cluster is meant', () => {
  test.each([
    [['-n', 'a'], ['/namespaces/a/']],
    [
      ['--namespaces', 'a,b'],
      ['/namespaces/a/', '/namespaces/b/'],
    ],
    [['-A'], []],
    [[], []],
  ])('%o narrows it', async (where, wanted) => {
    const { run, requests } = await world();
    expect(await run('cleanup', ...where)).toMatchObject({ status: 0 });
    const asked = new Set(requests.flatMap(({ url }) => url.match(/\/namespaces\/\w+\//)?.[0] ?? []));
    expect([...asked].sort()).toEqual(wanted);
  });

  test.each([
    ['-n', 'a', '-A'],
    ['-n', 'a', '--namespaces', 'b'],
  ])('two answers are told: %s %s %s', async (...where) => {
    expect(await (await world()).run('cleanup', '--apply', ...where)).toMatchObject(oneSentence);
  });

  test('explain -A is explain --all', async () => {
    const { run } = await world();
    expect((await run('explain', '-A')).out).toBe((await run('explain', '--all')).out);
  });
});

test.each(commands.map(({ name }) => name))('%s --help says its exit statuses', async (name) => {
  const { out } = await cli([name, '--help']);
  expect(out).toMatch(/Exit status: 0 .*2 /);
});

test('a namespace or card that is not there is told with where it was looked for', async () => {
  const { run, kubeconfig } = await onCluster(() => 404);
  const { err } = await run('explain', 'weather', '-n', 'absent');
  expect(err).toMatch(/^error: there is no namespace absent, .*; name another with -n \(http:\/\/127/);
  expect(err).toContain(`context fake of ${kubeconfig}`);
});
