import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Resource } from '../../../../src/kube/objects.ts';
import type { LeaderElection } from '../../../../src/kube/runtime/leader-election.ts';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import { Manager } from '../../../../src/kube/runtime/manager.ts';
import { createMetrics } from '../../../../src/kube/runtime/metrics.ts';
import { OptionalInformer } from '../../../../src/kube/watch/optional-informer.ts';
import { bookmark, event, fakeApi, page, refuse, type Step, until, widget } from '../fake-api.ts';

type Gadget = ReturnType<typeof widget>;

const gadgets: Resource = {
  group: 'example.org',
  version: 'v1beta1',
  plural: 'gadgets',
  kind: 'Gadget',
  namespaced: true,
};
/** The best first. */
const versions = ['v1beta1', 'v1alpha1'];

/** What the cluster makes of the kind. `unnamed`: its names belong to another kind, so nothing of it is ever served. */
const shapes = ['absent', 'old', 'both', 'new', 'newer', 'other', 'switchedOff', 'unnamed'] as const;
type Shape = (typeof shapes)[number];

const versionsOf: Readonly<Record<Exclude<Shape, 'absent'>, readonly { name: string; served: boolean }[]>> = {
  old: [{ name: 'v1alpha1', served: true }],
  both: [
    { name: 'v1alpha1', served: true },
    { name: 'v1beta1', served: true },
  ],
  new: [
    { name: 'v1beta1', served: true },
    { name: 'v1alpha1', served: false },
  ],
  newer: [
    { name: 'v2', served: true },
    { name: 'v1beta1', served: true },
  ],
  other: [{ name: 'v2', served: true }],
  switchedOff: [
    { name: 'v2', served: true },
    { name: 'v1beta1', served: false },
    { name: 'v1alpha1', served: false },
  ],
  unnamed: [{ name: 'v1alpha1', served: true }],
};

/** An API server that serves a kind or not, and ends its lists when it is told to. */
async function cluster() {
  const state = {
    shape: 'absent' as Shape,
    version: 10,
    generation: 0,
    hold: false,
    refuses: 0,
    refusesDefinitions: false,
    names: ['a', 'b'],
  };
  /** How often discovery was. */
  const asked = { count: 0 };
  const watches = new Set<ServerResponse>();
  const lists = new Set<ServerResponse>();
  const servedAs = (version: string | undefined) => {
    const { shape } = state;
    if (shape === 'absent' || shape === 'unnamed') return false;
    return versionsOf[shape].some(({ name, served }) => name === version && served);
  };
  /** The version in which the kind should be read. */
  const best = () => versions.find(servedAs);
  const definition = () => ({
    metadata: {
      name: 'gadgets.example.org',
      uid: `kind-${state.generation}`,
      resourceVersion: String(state.version),
    },
    spec: { versions: state.shape === 'absent' ? [] : versionsOf[state.shape] },
    status: { conditions: [{ type: 'Established', status: state.shape === 'unnamed' ? 'False' : 'True' }] },
  });
  const objects = (version = best()) =>
    state.names.map((name) => ({
      ...widget(name, 5, { uid: `${name}-${state.generation}` }),
      apiVersion: `example.org/${version}`,
    }));
  const finish = (list: ServerResponse) => {
    lists.delete(list);
    const version = list.req.url?.split('/')[3];
    const rest = objects(version).slice(1);
    list.write(rest.map((object) => event('ADDED', object)).join('') + bookmark(state.version, true));
  };
  const step: Step = (response, request) => {
    // Whoever asked may be gone.
    response.on('error', () => {}).on('close', () => lists.delete(response));
    if (request.url?.startsWith('/apis/apiextensions.k8s.io/v1/customresourcedefinitions?')) {
      if (state.refusesDefinitions) return refuse(403)(response, request);
      if (request.query.get('watch') === null) {
        return void response.end(page(state.version, state.shape === 'absent' ? [] : [definition()]));
      }
      watches.add(response);
      if (request.query.get('sendInitialEvents') === null) return response.flushHeaders();
      response.write(state.shape === 'absent' ? '' : event('ADDED', definition()));
      return void response.write(bookmark(state.version, true));
    }
    if (request.url === '/apis/example.org') {
      asked.count++;
      if (state.refuses > 0) return refuse(state.refuses)(response, request);
      const { shape } = state;
      if (shape === 'absent' || shape === 'unnamed') return refuse(404)(response, request);
      const groupVersions = versionsOf[shape].filter(({ served }) => served).map(({ name }) => ({ version: name }));
      return void response.end(JSON.stringify({ versions: groupVersions }));
    }
    const version = /^\/apis\/example\.org\/(\w+)\/gadgets\?/.exec(request.url ?? '')?.[1];
    if (!servedAs(version)) return refuse(404)(response, request);
    if (state.refuses > 0) return refuse(state.refuses)(response, request);
    if (request.query.get('watch') === null) return void response.end(page(state.version, objects(version)));
    if (request.query.get('sendInitialEvents') === null) return response.flushHeaders();
    lists.add(response);
    response.write(event('ADDED', objects(version)[0]));
    if (!state.hold) finish(response);
  };
  const { client } = await fakeApi([step]);
  const tell = (type: string, object: object) => {
    for (const watch of watches) watch.write(event(type, object));
  };
  /** `anew`: the definition is deleted and created again. */
  const become = (shape: Shape, anew: boolean) => {
    const had = state.shape !== 'absent';
    state.version++;
    if (had && (anew || shape === 'absent')) tell('DELETED', definition());
    const isNew = !had || anew;
    if (isNew) state.generation++;
    state.shape = shape;
    // The lists of what was are never finished.
    if (isNew || best() === undefined) lists.clear();
    state.version++;
    if (shape !== 'absent') tell(isNew ? 'ADDED' : 'MODIFIED', definition());
  };
  const release = () => {
    state.hold = false;
    for (const list of lists) finish(list);
  };
  return { client, state, asked, best, objects, lists, become, release };
}

type Cluster = Awaited<ReturnType<typeof cluster>>;

/** A manager whose one cache is of the optional kind, and whose work needs leadership. */
function operate({ client }: Cluster, deafAfterMs = 60_000, discoverMs?: number) {
  const story: string[] = [];
  /** What the handlers were told last of each object. */
  const told = new Map<string, string>();
  const removals: string[] = [];
  const follows: string[] = [];
  const informer = new OptionalInformer<Gadget>({
    client,
    resource: gadgets,
    versions,
    ...(discoverMs === undefined ? {} : { discoverMs }),
    timing: { baseDelayMs: 2, maxDelayMs: 8, deafAfterMs },
    telemetry: { follows: (version, served) => follows.push(`${version} of [${served}]`) },
  });
  const tell = ({ apiVersion, metadata: { name, uid } }: Gadget) => void told.set(name, `${uid} ${apiVersion}`);
  informer.onEvent({
    add: tell,
    update: (_, gadget) => tell(gadget),
    remove: ({ metadata: { name } }) => {
      told.delete(name);
      removals.push(name);
    },
  });
  const log = createLogger({ write: (line) => story.push(JSON.parse(line).message) });
  const election = {
    lost: new Promise(() => {}),
    acquire: async () => {},
    release: async () => {},
  } as unknown as LeaderElection;
  const manager = new Manager({ log, metrics: createMetrics(), election, metricsAddress: '0', probeAddress: '0' });
  manager.addCache('gadgets', informer);
  const run = async (signal: AbortSignal) => {
    story.push('works');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  };
  manager.addTask({ name: 'work', needsLeadership: true, run });
  const stop = new AbortController();
  const done = manager.run(stop.signal);
  const end = async () => {
    stop.abort();
    await done;
  };
  const ready = () => manager.health.respond('/readyz', true).status === 200;
  onTestFinished(end);
  const knows = () => [...told].map(([name, what]) => `${name} ${what}`).sort();
  return { informer, story, knows, removals, follows, ready, end };
}

interface Turn {
  readonly shape: Shape;
  readonly anew: boolean;
  /** How far the list of a served kind comes before the next turn. */
  readonly list: 'unasked' | 'begun' | 'done';
}

/** What handlers should have been told, by name. */
function known({ best, objects }: Cluster): readonly string[] {
  if (best() === undefined) return [];
  return objects().map(({ apiVersion, metadata: { name, uid } }) => `${name} ${uid} ${apiVersion}`);
}

async function settles(turns: readonly Turn[]): Promise<void> {
  const world = await cluster();
  const { informer, story, knows, removals, follows, ready, end } = operate(world);
  const { state, best, lists } = world;
  for (const { shape, anew, list } of turns) {
    const [before, was, told] = [best(), state.shape, follows.length];
    const [had, gone] = [String(knows()), removals.length];
    state.hold = list !== 'done';
    world.become(shape, anew);
    if (list === 'done') world.release();
    const isNews = was === 'absent' || anew || before !== best();
    if (list === 'begun' && best() !== undefined && isNews) await until(() => lists.size > 0);
    if (list !== 'unasked' && shape !== 'absent' && best() === undefined && isNews) {
      await until(() => follows.length > told);
    }
    if (ready()) expect(story).toContain('caches synced');
    // What is known stays through a change of version.
    const stays = before !== undefined && best() !== undefined && !anew;
    if (stays && list === 'done' && had === String(knows())) expect(removals.length).toBe(gone);
  }
  world.release();
  await informer.synced;
  await until(() => story.includes('works'));
  await until(() => ready() && informer.healthy() && String(knows()) === String(known(world)));
  expect(informer.size).toBe(known(world).length);
  await end();
}

const turn = (shape: Shape, list: Turn['list'] = 'done', anew = false): Turn => ({ shape, list, anew });

test.each<[string, readonly Turn[]]>([
  ['never defined', []],
  ['served in another version only', [turn('other')]],
  ['served in another version, and deleted', [turn('other'), turn('absent')]],
  ['deleted during its first list', [turn('new', 'begun'), turn('absent')]],
  ['created again during its first list', [turn('old', 'begun'), turn('old', 'begun', true)]],
  ['switched off during its first list, and on', [turn('old', 'begun'), turn('switchedOff'), turn('both')]],
  ['served in another version until somebody adds ours', [turn('other'), turn('newer')]],
  ['served in a better version during its first list', [turn('old', 'begun'), turn('new', 'begun')]],
  ['upgraded, and rolled back', [turn('old'), turn('both'), turn('new'), turn('old')]],
  ['refused for its names', [turn('unnamed')]],
])('a replica works whatever becomes of an optional kind: %s', (_, turns) => settles(turns));

test('a replica works and knows what there is, whatever became of an optional kind at any moment of a list', async () => {
  const turns = fc.array(
    fc.record<Turn>({
      shape: fc.constantFrom(...shapes),
      anew: fc.boolean(),
      list: fc.constantFrom('unasked', 'begun', 'done'),
    }),
    { minLength: 1, maxLength: 6 },
  );
  await fc.assert(fc.asyncProperty(turns, settles), { numRuns: 100 });
});

test('a change of version removes only what went meanwhile, and what stays is read anew', async () => {
  const world = await cluster();
  world.become('old', false);
  const { informer, knows, removals } = operate(world);
  await informer.synced;
  const [a = '', b = ''] = knows();
  expect([a, b]).toEqual(['a a-1 example.org/v1alpha1', 'b b-1 example.org/v1alpha1']);
  world.state.names = ['a'];
  world.state.hold = true;
  world.become('new', false);
  await until(() => world.lists.size > 0);
  expect(knows()).toEqual([a, b]);
  world.release();
  await until(() => knows().length === 1);
  expect([knows(), removals]).toEqual([['a a-1 example.org/v1beta1'], ['b']]);
  expect(informer.get('default/a')?.apiVersion).toBe('example.org/v1beta1');
});

test.each([
  ['of which lists are refused', ({ become }: Cluster) => become('new', false)],
  ['whose definition is refused', ({ state }: Cluster) => void Object.assign(state, { refusesDefinitions: true })],
])('nobody waits for ever for a kind %s', async (_, spoil) => {
  const world = await cluster();
  world.state.refuses = 500;
  spoil(world);
  const { informer, story, knows, ready } = operate(world, 30);
  await until(() => story.includes('works') && ready());
  expect(informer.healthy()).toBe(false);
  expect(informer.unread).toMatch(
    /^the API server has not listed it in version v1beta1 yet$|has not said yet in which versions it serves it$/,
  );
  Object.assign(world.state, { refuses: 0, refusesDefinitions: false });
  world.become('new', false);
  await until(() => informer.healthy() && String(knows()) === String(known(world)));
  expect(informer.unread).toBeUndefined();
});

test('without a right to definitions the versions are asked for, and no definition is', async () => {
  const world = await cluster();
  world.state.refusesDefinitions = true;
  const { informer, story, knows, follows, ready } = operate(world, 60_000, 2);
  await until(() => story.includes('works') && ready());
  for (const shape of ['old', 'both', 'new', 'other', 'absent', 'newer', 'unnamed'] as const) {
    world.become(shape, false);
    const { count } = world.asked;
    await until(() => world.asked.count > count + 1);
    await until(() => String(knows()) === String(known(world)) && informer.healthy());
    await until(() => informer.unread === undefined || shape === 'other');
  }
  expect(follows).toEqual([
    ...['v1alpha1 of [v1alpha1]', 'v1beta1 of [v1alpha1,v1beta1]', 'v1beta1 of [v1beta1]', 'undefined of [v2]'],
    ...['undefined of [undefined]', 'v1beta1 of [v2,v1beta1]', 'undefined of [undefined]'],
  ]);
});

test('nobody waits for ever for an answer to which versions are served, and nobody is told the same again', async () => {
  const world = await cluster();
  world.become('new', false);
  world.state.refuses = 500;
  const { informer, story, knows, ready } = operate(world, 30, 2);
  await until(() => story.includes('works') && ready());
  expect([informer.healthy(), informer.unread]).toEqual([false, expect.stringContaining('has not said yet')]);
  world.state.refuses = 0;
  await until(() => informer.healthy() && String(knows()) === String(known(world)));
  let told = 0;
  informer.onUnread(() => told++);
  const { count } = world.asked;
  await until(() => world.asked.count > count + 3);
  expect(told).toBe(0);
});

test('which version is read is told once for every change of what is served, and whoever waits for it hears', async () => {
  const world = await cluster();
  const { informer, follows } = operate(world);
  const words = new Set<string | undefined>();
  informer.onUnread(() => words.add(informer.unread));
  await informer.synced;
  for (const shape of ['other', 'other', 'old', 'unnamed', 'switchedOff', 'absent'] as const)
    world.become(shape, false);
  await until(() => follows.length === 5);
  const told = ['undefined of [v2]', 'v1alpha1 of [v1alpha1]', 'undefined of []', 'undefined of [v2]'];
  expect(follows).toEqual([...told, 'undefined of [undefined]']);
  expect([...words]).toEqual([
    undefined,
    'the cluster serves it in v2 alone, not in v1beta1 or v1alpha1',
    'the API server has not listed it in version v1alpha1 yet',
    'the cluster serves it in no version, not in v1beta1 or v1alpha1',
  ]);
});

test('what is stopped before it synced leaves nobody waiting', async () => {
  const world = await cluster();
  world.state.hold = true;
  world.become('new', false);
  const { informer, story, end } = operate(world);
  await until(() => world.lists.size > 0);
  await end();
  await informer.synced;
  expect(informer.hasSynced).toBe(false);
  expect(story).not.toContain('works');
});
