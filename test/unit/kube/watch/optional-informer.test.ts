import type { ServerResponse } from 'node:http';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import type { Resource } from '../../../../src/kube/objects.ts';
import type { LeaderElection } from '../../../../src/kube/runtime/leader-election.ts';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import { Manager } from '../../../../src/kube/runtime/manager.ts';
import { createMetrics } from '../../../../src/kube/runtime/metrics.ts';
import { OptionalInformer } from '../../../../src/kube/watch/optional-informer.ts';
import { bookmark, event, fakeApi, refuse, type Step, until, widget } from '../fake-api.ts';

type Gadget = ReturnType<typeof widget>;

const gadgets: Resource = {
  group: 'example.org',
  version: 'v1alpha1',
  plural: 'gadgets',
  kind: 'Gadget',
  namespaced: true,
};
/** What the cluster makes of the kind. `unnamed`: its names belong to another kind, so nothing of it is ever served. */
const shapes = ['absent', 'served', 'besides', 'other', 'switchedOff', 'unnamed'] as const;
type Shape = (typeof shapes)[number];

const versionsOf: Readonly<Record<Exclude<Shape, 'absent'>, readonly object[]>> = {
  served: [{ name: 'v1alpha1', served: true }],
  besides: [
    { name: 'v1beta1', served: true },
    { name: 'v1alpha1', served: true },
  ],
  other: [{ name: 'v1beta1', served: true }],
  switchedOff: [
    { name: 'v1beta1', served: true },
    { name: 'v1alpha1', served: false },
  ],
  unnamed: [{ name: 'v1alpha1', served: true }],
};

/** An API server that serves a kind or not, and ends its lists when it is told to. */
async function cluster() {
  const state = { shape: 'absent' as Shape, version: 10, generation: 0, hold: false };
  const watches = new Set<ServerResponse>();
  const lists = new Set<ServerResponse>();
  const serves = () => state.shape === 'served' || state.shape === 'besides';
  const definition = () => ({
    metadata: {
      name: 'gadgets.example.org',
      uid: `kind-${state.generation}`,
      resourceVersion: String(state.version),
    },
    spec: { versions: state.shape === 'absent' ? [] : versionsOf[state.shape] },
    status: { conditions: [{ type: 'Established', status: state.shape === 'unnamed' ? 'False' : 'True' }] },
  });
  const objects = () => ['a', 'b'].map((name) => widget(name, 5, { uid: `${name}-${state.generation}` }));
  const finish = (list: ServerResponse) => {
    lists.delete(list);
    list.write(event('ADDED', objects()[1]) + bookmark(state.version, true));
  };
  const step: Step = (response, request) => {
    // Whoever asked may be gone.
    response.on('error', () => {}).on('close', () => lists.delete(response));
    if (request.url?.startsWith('/apis/apiextensions.k8s.io/v1/customresourcedefinitions?')) {
      watches.add(response);
      response.write(state.shape === 'absent' ? '' : event('ADDED', definition()));
      return void response.write(bookmark(state.version, true));
    }
    if (!serves() || !request.url?.startsWith('/apis/example.org/v1alpha1/gadgets?')) {
      return refuse(404)(response, request);
    }
    lists.add(response);
    response.write(event('ADDED', objects()[0]));
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
    if (isNew || !serves()) lists.clear();
    state.version++;
    if (shape !== 'absent') tell(isNew ? 'ADDED' : 'MODIFIED', definition());
  };
  const release = () => {
    state.hold = false;
    for (const list of lists) finish(list);
  };
  return { client, state, serves, objects, lists, become, release };
}

type Cluster = Awaited<ReturnType<typeof cluster>>;

/** A manager whose one cache is of the optional kind, and whose work needs leadership. */
function operate({ client }: Cluster) {
  const story: string[] = [];
  const told = new Map<string, string | undefined>();
  const absences: string[] = [];
  const informer = new OptionalInformer<Gadget>({
    client,
    resource: gadgets,
    timing: { baseDelayMs: 2, maxDelayMs: 8 },
    telemetry: { absent: (version, served) => absences.push(`${version} not in [${served}]`) },
  });
  informer.onEvent({
    add: ({ metadata: { name, uid } }) => void told.set(name, uid),
    remove: ({ metadata: { name } }) => void told.delete(name),
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
  return { informer, story, told, absences, ready, end };
}

interface Turn {
  readonly shape: Shape;
  readonly anew: boolean;
  /** How far the list of a served kind comes before the next turn. */
  readonly list: 'unasked' | 'begun' | 'done';
}

async function settles(turns: readonly Turn[]): Promise<void> {
  const world = await cluster();
  const { informer, story, told, absences, ready, end } = operate(world);
  const { state, serves, lists } = world;
  for (const { shape, anew, list } of turns) {
    const [wasServed, wasAbsent, known] = [serves(), state.shape === 'absent', absences.length];
    state.hold = list !== 'done';
    world.become(shape, anew);
    if (list === 'done') world.release();
    const isNews = wasAbsent || anew || wasServed !== serves();
    if (list === 'begun' && serves() && isNews) await until(() => lists.size > 0);
    if (list !== 'unasked' && shape !== 'absent' && !serves() && isNews) await until(() => absences.length > known);
    if (ready()) expect(story).toContain('caches synced');
  }
  world.release();
  await informer.synced;
  await until(() => story.includes('works'));
  const uids = world.serves() ? world.objects().map(({ metadata }) => metadata.uid) : [];
  await until(() => ready() && String([...told.values()]) === String(uids));
  expect(informer.size).toBe(uids.length);
  await end();
}

const turn = (shape: Shape, list: Turn['list'] = 'done', anew = false): Turn => ({ shape, list, anew });

test.each<[string, readonly Turn[]]>([
  ['never defined', []],
  ['served in another version only', [turn('other')]],
  ['served in another version, and deleted', [turn('other'), turn('absent')]],
  ['deleted during its first list', [turn('served', 'begun'), turn('absent')]],
  ['created again during its first list', [turn('served', 'begun'), turn('served', 'begun', true)]],
  ['switched off during its first list, and on', [turn('besides', 'begun'), turn('switchedOff'), turn('besides')]],
  ['served in another version until somebody adds ours', [turn('other'), turn('besides')]],
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

test('a version that is not served is told once for every change of what is', async () => {
  const world = await cluster();
  const { informer, absences } = operate(world);
  await informer.synced;
  for (const shape of ['other', 'other', 'served', 'unnamed', 'switchedOff'] as const) world.become(shape, false);
  await until(() => absences.length === 3);
  expect(absences).toEqual(['v1alpha1 not in [v1beta1]', 'v1alpha1 not in []', 'v1alpha1 not in [v1beta1]']);
});

test('what is stopped before it synced leaves nobody waiting', async () => {
  const world = await cluster();
  world.state.hold = true;
  world.become('served', false);
  const { informer, story, end } = operate(world);
  await until(() => world.lists.size > 0);
  await end();
  await informer.synced;
  expect(informer.hasSynced).toBe(false);
  expect(story).not.toContain('works');
});
