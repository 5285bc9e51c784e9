import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Pod } from '../../src/kube/objects.ts';
import { primaryTrustDomain } from '../cluster/trust-domain.ts';
import { Agent } from './kit/agent.ts';
import { Matrix, type Passages } from './kit/matrix.ts';
import { agentcard } from './kit/plugin.ts';
import { operatorNamespace, patience, World } from './kit/world.ts';

/** Called: ledger by planner and a service account, vault by nobody, diary by an agent elsewhere, open by all. */
const agents = ['ledger', 'vault', 'diary', 'open', 'planner', 'cron', 'twin', 'guest'] as const;
type Name = (typeof agents)[number];

let world: World;
let home: string;
let abroad: string;
let matrix: Matrix<Name>;
/** What explain said in audit. */
let forecast: Passages;

beforeAll(async () => {
  world = await World.open();
  await world.install({ enforcement: { mode: 'audit' } });
  [home, abroad] = [await world.namespace('home'), await world.namespace('abroad')];
  const lists: Partial<Record<Name, object[]>> = {
    ledger: [{ agentCard: { name: 'planner' } }, { serviceAccount: { name: 'cron' } }],
    vault: [],
    diary: [{ agentCard: { name: 'guest', namespace: abroad } }],
  };
  const deploy = (name: Name, options = {}) => {
    const callers = lists[name];
    return Agent.deploy(world, placeOf(name), name, { spec: callers === undefined ? {} : { callers }, ...options });
  };
  await Promise.all(agents.filter((name) => name !== 'twin').map((name) => deploy(name)));
  // Runs under the planner's account, and so proves the planner's identity.
  await deploy('twin', { serviceAccount: 'planner' });
  const places = Object.fromEntries(agents.map((name) => [name, placeOf(name)])) as Record<Name, string>;
  matrix = new Matrix(world, places, agents);
  await matrix.locate();
  await Promise.all(agents.map((name) => says(name, { Ready: 'True ReadyToServe', Enforced: 'False Audit' })));
}, 300_000);

afterAll(async () => {
  await world.kubectl('delete', 'namespace', home, abroad, '--wait=false', '--ignore-not-found');
});

const placeOf = (name: Name) => (name === 'guest' ? abroad : home);
const says = (name: Name, wanted: Readonly<Record<string, string>>) => world.cardSays(placeOf(name), name, wanted);

async function list(name: Name, callers: readonly object[] | null, ...as: readonly string[]): Promise<void> {
  const patch = ['patch', 'agentcard', name, '--type', 'merge', '--patch', JSON.stringify({ spec: { callers } })];
  await world.kubectl('-n', placeOf(name), ...patch, ...as);
}

const listed = { planner: { agentCard: { name: 'planner' } }, cron: { serviceAccount: { name: 'cron' } } };

describe('audit', () => {
  test('closes nothing, and says whom each list would keep out', async () => {
    await says('ledger', { CallersEnforced: 'False Audit' });
    await says('open', { CallersEnforced: 'absent' });
    forecast = await matrix.explained('enforced');
    const now = await matrix.packetsAre(await matrix.explained('now'));
    expect(now['guest → vault']).toBe('open');
    const { out } = await agentcard(world, 'explain', '--all');
    expect(out).toMatch(new RegExp(`${home}/vault\\n.*no agent\\n.*enforcing would keep out\\n`));
    const ledger = await agentcard(world, 'explain', 'ledger', '-n', home);
    expect(ledger.out).toMatch(/enforcing would close it to\n(.*\n)*.*guest \(verified, not listed\)/);
  });
});

describe('enforce', () => {
  test('packets go as explain had foretold in audit', async () => {
    for (const namespace of [home, abroad])
      await world.kubectl('label', 'namespace', namespace, 'agent.kagenti.dev/enforcement=enforce');
    await Promise.all(agents.map((name) => says(name, { Enforced: 'True PolicyApplied' })));
    for (const name of ['ledger', 'vault', 'diary'] as const) await says(name, { CallersEnforced: 'True Enforced' });
    const all = await matrix.packetsAre(forecast);
    expect(await matrix.explained('now')).toEqual(forecast);
    expect(all).toMatchObject({
      'planner → ledger': 'open',
      'cron → ledger': 'open',
      'open → ledger': 'closed',
      'guest → ledger': 'closed',
      'planner → vault': 'closed',
      'operator → vault': 'open',
      'guest → diary': 'open',
      'planner → diary': 'closed',
      'ledger → open': 'open',
      // Whoever runs under the planner's account proves to be it.
      'twin → ledger': 'open',
      'twin → vault': 'closed',
    });
    expect((await matrix.reach('planner')).reaches).toContainEqual(
      expect.objectContaining({ who: `${home}/ledger`, now: 'open', list: `listed as AgentCard ${home}/planner` }),
    );
  });

  test('the status says who is meant, and by which identity', async () => {
    const id = (name: string) => `spiffe://example.org/ns/${home}/sa/${name}`;
    expect((await world.card(home, 'ledger')).status?.callers).toEqual([
      { who: `AgentCard ${home}/planner`, ids: [id('planner')] },
      { who: `ServiceAccount ${home}/cron`, ids: [id('cron')] },
    ]);
  });

  test('a caller that leaves the list is kept out, and one that comes back is let in', async () => {
    using ways = matrix.attempts('planner → ledger');
    await ways.turned('open', 0);
    const removed = Date.now();
    await list('ledger', [listed.cron]);
    const closed = await ways.turned('closed', removed);
    await matrix.passes('cron → ledger', 'open');
    const added = Date.now();
    await list('ledger', [listed.planner, listed.cron]);
    const opened = await ways.turned('open', added);
    console.log(`new connections of a caller: ${closed} ms until closed, ${opened} ms until open again`);
    expect(Math.max(closed, opened)).toBeLessThan(10_000);
  });

  test('a caller that nothing is known of is named, and the rest of the list holds', async () => {
    await list('ledger', [listed.planner, listed.cron, { agentCard: { name: 'nobody' } }]);
    await says('ledger', { CallersEnforced: 'False CallerUnknown', Enforced: 'True PolicyApplied' });
    expect((await world.card(home, 'ledger')).status?.callers).toContainEqual({
      who: `AgentCard ${home}/nobody`,
      why: 'It is not there, or in a namespace that is not watched.',
    });
    await matrix.packetsAre({ 'planner → ledger': 'open', 'guest → ledger': 'closed' });
    await list('ledger', [listed.planner, listed.cron]);
    await says('ledger', { CallersEnforced: 'True Enforced' });
  });

  test('a caller that is quarantined is none, and costs those who list it no write', async () => {
    const { resourceVersion } = (await world.card(home, 'ledger')).metadata;
    expect((await agentcard(world, 'quarantine', 'cron', '-n', home, '--reason', 'drill')).status).toBe(0);
    await says('cron', { Ready: 'False Quarantined' });
    await matrix.passes('cron → ledger', 'closed');
    await matrix.passes('planner → ledger', 'open');
    expect((await world.card(home, 'ledger')).metadata.resourceVersion).toBe(resourceVersion);
    expect((await agentcard(world, 'release', 'cron', '-n', home)).status).toBe(0);
    await says('cron', { Ready: 'True ReadyToServe' });
    await matrix.passes('cron → ledger', 'open');
  });

  test('a caller that becomes another identity is followed by those who list it', async () => {
    const agent = new Agent(world, home, 'planner');
    const account = async (serviceAccountName: string) => {
      const patch = JSON.stringify({ spec: { template: { spec: { serviceAccountName } } } });
      await world.kubectl('-n', home, 'patch', 'deployment', 'planner', '--patch', patch);
      await world.kubectl('-n', home, 'rollout', 'status', 'deployment/planner', '--timeout=120s');
      await agent.says({ Ready: 'True ReadyToServe', Bound: 'True Bound' });
      await agent.wears(true);
      await matrix.locate();
    };
    await account('open');
    await matrix.packetsAre({ 'planner → ledger': 'open', 'twin → ledger': 'closed' });
    await account('planner');
    await matrix.packetsAre({ 'planner → ledger': 'open', 'twin → ledger': 'open' });
  });
});

describe('nobody gets onto a list', () => {
  const editor = ['--as', 'editor', '--as-group', 'system:authenticated'];

  test('by editing the card of another agent without the verb trust; taking somebody off is free', async () => {
    const role = ['--verb=get,list,patch,update', '--resource=agentcards.agent.kagenti.dev'];
    await world.kubectl('-n', home, 'create', 'role', 'editor', ...role);
    await world.kubectl('-n', home, 'create', 'rolebinding', 'editor', '--role=editor', '--user=editor');
    const adds = list('vault', [{ agentCard: { name: 'guest', namespace: abroad } }], ...editor);
    await expect(adds).rejects.toThrow('needs the verb trust on agentcards');
    await expect(list('vault', null, ...editor)).rejects.toThrow('needs the verb trust on agentcards');
    await list('ledger', [listed.planner], ...editor);
    await matrix.passes('cron → ledger', 'closed');
    await list('ledger', [listed.planner, listed.cron]);
    await matrix.passes('cron → ledger', 'open');
  });

  test('by labelling its own pods with the identity of a caller, at once or in their template', async () => {
    const identity = await identityOf('planner');
    const guest = new Agent(world, abroad, 'guest');
    const [pod] = await guest.pods();
    const label = `agent.kagenti.dev/identity=${identity}`;
    const relabel = world.kubectl('-n', abroad, 'label', '--overwrite', 'pod', pod?.metadata.name ?? '', label);
    await expect(relabel).rejects.toThrow('only the agentcard operator may set the label');
    const labels = { 'agent.kagenti.dev/identity': identity, 'agent.kagenti.dev/signature-verified': 'true' };
    await Agent.deploy(world, abroad, 'forger', { podLabels: labels, tls: false });
    const forger = new Matrix(world, { forger: abroad, ledger: home }, []);
    await forger.locate();
    await forger.passes('forger → ledger', 'closed');
    const [forged] = await new Agent(world, abroad, 'forger').pods();
    expect(forged?.metadata.labels).not.toHaveProperty(['agent.kagenti.dev/identity']);
  });
});

async function identityOf(name: Name): Promise<string> {
  const [pod] = await new Agent(world, placeOf(name), name).pods();
  const identity = pod?.metadata.labels?.['agent.kagenti.dev/identity'];
  expect(identity).toMatch(/^[0-9a-f]{40}$/);
  return identity ?? '';
}

describe('no decision changes', () => {
  const ways = ['planner → ledger', 'cron → ledger', 'guest → ledger', 'guest → diary', 'planner → vault'] as const;
  const held = () => Object.fromEntries(ways.map((way) => [way, forecast[way]]));
  /** New connections, one by one: what is asked is whether any differs, at once. */
  const between = async () => {
    const all = await matrix.between(['planner', 'cron', 'guest']);
    return Object.fromEntries(ways.map((way) => [way, all[way]]));
  };

  const rolledOut = () =>
    world.kubectl('-n', operatorNamespace, 'rollout', 'status', 'deployment/agentcard-operator', '--timeout=120s');

  test('when the leader is killed', async () => {
    const operators = ['-n', operatorNamespace, 'pod', '-l', 'app.kubernetes.io/name=agentcard-operator'];
    await world.kubectl('delete', ...operators, '--grace-period=0', '--force');
    expect(await between()).toEqual(held());
    await rolledOut();
    await says('ledger', { Ready: 'True ReadyToServe', CallersEnforced: 'True Enforced' });
    expect(await between()).toEqual(held());
  });

  test("while SPIRE's agent is away", async () => {
    const spire = primaryTrustDomain(world.cluster);
    await spire.stopAgent();
    expect(await between()).toEqual(held());
    await spire.startAgent();
    expect(await between()).toEqual(held());
  });

  test('while no operator runs at all', async () => {
    const scale = (count: number) =>
      world.kubectl('-n', operatorNamespace, 'scale', 'deployment/agentcard-operator', `--replicas=${count}`);
    await scale(0);
    await vi.waitFor(async () => {
      const selector = 'app.kubernetes.io/name=agentcard-operator';
      const { items } = await world.json<{ items: Pod[] }>('-n', operatorNamespace, 'get', 'pods', '-l', selector);
      expect(items).toEqual([]);
    }, patience);
    expect(await between()).toEqual(held());
    await scale(2);
    await rolledOut();
  });
});
