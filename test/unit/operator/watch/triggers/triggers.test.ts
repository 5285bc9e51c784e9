import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { lowPriority } from '../../../../../src/kube/runtime/queue.ts';
import { enforcementLabel, verifiedLabel } from '../../../../../src/operator/api/labels.ts';
import { OwnWrites } from '../../../../../src/operator/watch/own-writes.ts';
import { connect } from '../../../../../src/operator/watch/triggers/triggers.ts';
import { cardOf, changed, deployment, labelledPod, policyOf, serviceOf, sliceOf, stores } from '../stores.ts';

const dns = 'kube-system/kube-dns';

/** Agents weather and clock in namespace team, and another weather in namespace other; `woken` says who woke since. */
function world() {
  const fed = stores();
  const told = new Set<string>();
  const strays: string[] = [];
  const ownWrites = new OwnWrites();
  const agents = [cardOf('weather'), cardOf('clock'), cardOf('weather', { namespace: 'other' })] as const;
  const running = [deployment('weather'), deployment('clock'), deployment('weather', { namespace: 'other' })] as const;
  for (const each of agents) fed.cards.put(each);
  for (const each of running) fed.deployments.put(each);
  fed.namespaces.put(changed({ metadata: { name: 'team', uid: 'team' } }));
  connect(fed.caches, [dns], {
    wake: (card, when) => told.add(when?.priority === lowPriority ? `~${card}` : card),
    addStray: (key) => strays.push(key),
    ownWrites,
  });
  const woken = () => {
    const seen = [...told].sort();
    told.clear();
    return seen;
  };
  const [weather, clock] = agents;
  return { ...fed, ownWrites, strays, woken, weather, clock, running: running[0] };
}

type World = ReturnType<typeof world>;

const [weather, clock, elsewhere] = ['team/weather', 'team/clock', 'other/weather'] as const;
const everybody = [`~${elsewhere}`, `~${clock}`, `~${weather}`];

test('a card that is there at the start wakes in the background, alone', () => {
  const { cards, namespaces, caches } = stores();
  cards.put(cardOf('weather'));
  cards.put(cardOf('twin', { target: 'weather' }));
  namespaces.put(changed({ metadata: { name: 'team', uid: 'team', labels: { [enforcementLabel]: 'audit' } } }));
  const wake = vi.fn();
  connect(caches, [dns], { wake, addStray: () => {}, ownWrites: new OwnWrites() });
  const background = { priority: lowPriority };
  expect(wake.mock.calls).toEqual([
    [weather, background],
    ['team/twin', background],
  ]);
});

/** Something there is made first and changed then; only the change counts. */
type Row = [what: string, change: (now: World) => void, woken: readonly string[], before?: (now: World) => void];

const ways: readonly Row[] = [
  ['a workload that changes', (now) => now.deployments.put(changed(now.running)), [weather]],
  ['a workload that goes', (now) => now.deployments.delete(now.running), [weather]],
  [
    'a workload of another kind and the same name',
    (now) => now.statefulSets.put(deployment('weather', { templateLabels: { app: 'other' } })),
    [],
  ],
  [
    'a workload whose pods its selector would choose too',
    (now) => now.statefulSets.put(deployment('other', { templateLabels: { app: 'weather', tier: 'x' } })),
    [weather],
  ],
  [
    'a workload whose pods it would choose no more',
    (now) => now.statefulSets.put(deployment('other', { templateLabels: { app: 'nobody' } })),
    [weather],
    (now) => now.statefulSets.put(deployment('other', { templateLabels: { app: 'weather' } })),
  ],
  ['a workload that no card targets', (now) => now.deployments.put(deployment('nobody')), []],
  ['a Service named like the workload', (now) => now.services.put(serviceOf('weather')), [weather]],
  [
    "a Service of one workload's name that selects another's pods",
    (now) => now.services.put(serviceOf('weather', { app: 'clock' })),
    [clock, weather],
  ],
  ['a Service that selects its pods', (now) => now.services.put(serviceOf('s', { app: 'weather' })), [weather]],
  ['a Service that asks for more', (now) => now.services.put(serviceOf('s', { app: 'weather', tier: 'a' })), []],
  ['a Service that selects nobody', (now) => now.services.put(serviceOf('s', { app: 'nobody' })), []],
  [
    'a Service that selects others than before',
    (now) => now.services.put(serviceOf('s', { app: 'clock' })),
    [clock, weather],
    (now) => now.services.put(serviceOf('s', { app: 'weather' })),
  ],
  [
    'a Service that goes',
    (now) => now.services.delete(serviceOf('s', { app: 'weather' })),
    [weather],
    (now) => now.services.put(serviceOf('s', { app: 'weather' })),
  ],
  [
    'a Service that the card names',
    (now) => now.services.put(serviceOf('door')),
    [weather],
    ({ cards, weather: card }) =>
      cards.put(changed({ ...card, spec: { ...card.spec, endpoint: { service: 'door' } } })),
  ],
  ['an EndpointSlice of its Service', (now) => now.slices.put(sliceOf('weather')), [weather]],
  [
    'an EndpointSlice of a selecting Service',
    (now) => now.slices.put(sliceOf('s')),
    [weather],
    (now) => now.services.put(serviceOf('s', { app: 'weather' })),
  ],
  ['an EndpointSlice of nobody', (now) => now.slices.put(sliceOf('nobody')), []],
  [
    'an EndpointSlice that changes hands',
    (now) =>
      now.slices.put({
        ...sliceOf('clock'),
        metadata: { ...sliceOf('clock').metadata, name: 'weather-1', uid: 'weather-slice' },
      }),
    [clock, weather],
    (now) => now.slices.put(sliceOf('weather')),
  ],
  ['the DNS Service', (now) => now.services.put(serviceOf('kube-dns', { app: 'dns' }, 'kube-system')), everybody],
  ["the API server's endpoints", (now) => now.slices.put(apiServerSlice()), everybody],
  ["a slice that claims to be the API server's", (now) => now.slices.put(sliceOf('kubernetes', 'default')), []],
];

/** The one that API servers write. */
function apiServerSlice() {
  return changed(sliceOf('kubernetes', 'default'), { name: 'kubernetes' });
}

const marks: readonly Row[] = [
  ['a labelled pod that it chooses', (now) => now.labelledPods.put(labelledPod('a', { app: 'weather' })), [weather]],
  [
    'a labelled pod that changes hands',
    (now) => now.labelledPods.put(labelledPod('a', { app: 'clock' })),
    [clock, weather],
    (now) => now.labelledPods.put(labelledPod('a', { app: 'weather' })),
  ],
  [
    'a pod that lost its label',
    (now) => now.labelledPods.delete(labelledPod('a', { app: 'weather' })),
    [weather],
    (now) => now.labelledPods.put(labelledPod('a', { app: 'weather' })),
  ],
  ['its policy', (now) => now.policies.put(policyOf('p', { app: 'weather' }, now.weather)), [weather]],
  [
    "another card's policy that chooses its pods",
    (now) => now.policies.put(policyOf('p', { app: 'clock' }, now.weather)),
    [clock, weather],
  ],
  [
    "a policy of its policy's name",
    (now) => now.policies.put(policyOf('weather-signature-policy', { app: 'x' })),
    [weather],
  ],
  ['a foreign policy that chooses its pods', (now) => now.policies.put(policyOf('p', { app: 'clock' })), [clock]],
  [
    'a foreign policy for verified pods',
    (now) => now.policies.put(policyOf('p', { [verifiedLabel]: 'true' })),
    [clock, weather],
  ],
  [
    'a foreign policy for pods that are not verified',
    (now) => {
      const podSelector = { matchExpressions: [{ key: verifiedLabel, operator: 'DoesNotExist' }] };
      now.policies.put({ ...policyOf('p', {}), spec: { podSelector } });
    },
    [clock, weather],
  ],
  ['a foreign policy for others', (now) => now.policies.put(policyOf('p', { app: 'nobody' })), []],
  [
    'a foreign policy that turns to others',
    (now) => now.policies.put(policyOf('p', { app: 'nobody' })),
    [clock],
    (now) => now.policies.put(policyOf('p', { app: 'clock' })),
  ],
  [
    'a signed card',
    (now) => now.signedCards.put(changed({ metadata: { name: 'weather-card-signed', namespace: 'team' } })),
    [weather],
  ],
  [
    'another ConfigMap',
    (now) => now.signedCards.put(changed({ metadata: { name: 'weather-card-backup', namespace: 'team' } })),
    [],
  ],
  [
    "the namespace's enforcement",
    (now) =>
      now.namespaces.put(changed({ metadata: { name: 'team', uid: 'team', labels: { [enforcementLabel]: 'audit' } } })),
    [clock, weather],
  ],
  [
    "the namespace's mesh",
    (now) =>
      now.namespaces.put(
        changed({ metadata: { name: 'team', uid: 'team', annotations: { 'linkerd.io/inject': 'enabled' } } }),
      ),
    [clock, weather],
  ],
  [
    'another label of the namespace',
    (now) => now.namespaces.put(changed({ metadata: { name: 'team', uid: 'team', labels: { stage: 'test' } } })),
    [],
  ],
  [
    'a namespace that comes',
    (now) => now.namespaces.put(changed({ metadata: { name: 'other', uid: 'o' } })),
    [elsewhere],
  ],
];

const twin = (over = {}) => cardOf('twin', { target: 'weather', ...over });
const both = ['team/twin', weather];

const cards: readonly Row[] = [
  ['a card that comes', (now) => now.cards.put(twin()), both],
  ['a card that people change', (now) => now.cards.put(twin({ generation: 2 })), both, (now) => now.cards.put(twin())],
  ['a card whose status somebody wrote', (now) => now.cards.put(twin()), ['team/twin'], (now) => now.cards.put(twin())],
  [
    'a card that turns to another workload',
    (now) => now.cards.put(cardOf('twin', { target: 'clock', generation: 2 })),
    [clock, ...both],
    (now) => now.cards.put(twin()),
  ],
  [
    'a card that is being deleted',
    (now) => now.cards.put(changed(twin(), { deletionTimestamp: '2026-03-01T12:00:00Z' })),
    both,
    (now) => now.cards.put(twin()),
  ],
  ['a card that is gone', (now) => now.cards.delete(twin()), both, (now) => now.cards.put(twin())],
];

/** An agent whose list of callers names the card of another. */
function listing(now: World): void {
  const card = cardOf('lister');
  now.cards.put({ ...card, spec: { ...card.spec, callers: [{ agentCard: { name: 'weather' } }] } });
}

const asLister = '~team/lister';

const callers: readonly Row[] = [
  [
    'a caller whose card people change',
    (now) => now.cards.put(cardOf('weather', { generation: 2 })),
    [weather, asLister],
    listing,
  ],
  ['a caller whose card goes', (now) => now.cards.delete(now.weather), [weather, asLister], listing],
  ['another card beside that of a caller', (now) => now.cards.put(twin()), [...both, asLister], listing],
  [
    'a caller that runs under another account',
    (now) => now.deployments.put(deployment('weather', { serviceAccount: 'other' })),
    [weather, asLister],
    listing,
  ],
  ['a caller whose workload goes', (now) => now.deployments.delete(now.running), [weather, asLister], listing],
  ['a caller whose workload is scaled', (now) => now.deployments.put(changed(now.running)), [weather], listing],
  [
    'a card of the same name elsewhere',
    (now) => now.cards.put(cardOf('weather', { namespace: 'third' })),
    ['third/weather'],
    listing,
  ],
];

test.each<Row>([...ways, ...marks, ...cards, ...callers])(
  '%s wakes those whom it concerns, and nobody else',
  (_, change, woken, before) => {
    const now = world();
    before?.(now);
    now.woken();
    change(now);
    expect(now.woken()).toEqual([...woken].sort());
    expect(now.strays).toEqual([]);
  },
);

test('the echo of our own write wakes nobody, and what others do to the same object does', () => {
  const { cards, labelledPods, policies, ownWrites, woken, weather: card } = world();
  const pod = labelledPod('a', { app: 'weather' });
  const policy = policyOf('p', { app: 'weather' }, card);
  woken();
  for (const [written, store] of [
    [pod, labelledPods],
    [policy, policies],
    [changed(card), cards],
  ] as const) {
    ownWrites.note(written);
    store.put(written as never);
    expect(woken()).toEqual([]);
    store.put(changed(written) as never);
    expect(woken()).toEqual([weather]);
    store.delete(written as never);
    woken();
    expect(ownWrites.isEcho(written)).toBe(false);
  }
});

test('whose pods a quarantine’s policy chooses hears when it begins and ends, though we wrote that ourselves', () => {
  const { cards, policies, ownWrites, woken, weather: card } = world();
  const policy = policyOf('p', { app: 'clock' }, card);
  const ours = <T extends typeof card>(written: T) => {
    ownWrites.note(written);
    cards.put(written);
  };
  policies.put(policy);
  woken();
  ours(changed({ ...card, status: { quarantine: { by: 'list', subject: 'x', reason: 'incident' } } }));
  expect(woken()).toEqual([clock]);
  const tightened = changed(policy);
  ownWrites.note(tightened);
  policies.put(tightened);
  expect(woken()).toEqual([clock]);
  ours(changed({ ...card, status: { quarantine: { by: 'neighbour', subject: 'weather', reason: 'other' } } }));
  expect(woken()).toEqual([clock, weather]);
  ours(changed({ ...card, status: { quarantine: { by: 'neighbour', subject: 'weather', reason: 'more' } } }));
  expect(woken()).toEqual([]);
  const ordered = changed({ ...card, spec: { ...card.spec, quarantine: { reason: 'incident' } } });
  cards.put(ordered);
  expect(woken()).toEqual([clock, weather]);
  cards.delete(ordered);
  expect(woken()).toEqual([clock, weather]);
});

test('a card that is cut off with another tells that one, whose quarantine its own policy may have weakened', () => {
  const { cards, ownWrites, woken, clock: card } = world();
  woken();
  const quarantine = { by: 'neighbour', subject: 'weather', reason: 'r' } as const;
  for (const expected of [[weather], []]) {
    const written = changed({ ...card, status: { quarantine } });
    ownWrites.note(written);
    cards.put(written);
    expect(woken()).toEqual(expected);
  }
});

test('a labelled pod that no card accounts for goes to the sweep', () => {
  const { labelledPods, strays, woken } = world();
  woken();
  labelledPods.put(labelledPod('forged', { app: 'nobody' }));
  labelledPods.put(labelledPod('far', { app: 'clock' }, 'other'));
  expect([strays, woken()]).toEqual([['team/forged', 'other/far'], []]);
});

test.each<[string, (now: World) => void]>([
  ['is gone', ({ cards, weather: card }) => cards.delete(card)],
  ['is being deleted', ({ cards, weather: card }) => cards.put(changed(card, { deletionTimestamp: 'now' }))],
  ['turned to another workload', ({ cards }) => cards.put(cardOf('weather', { target: 'clock', generation: 2 }))],
])('the labelled pods of a card that %s go to the sweep, and no other', (_, leave) => {
  const now = world();
  now.labelledPods.put(labelledPod('a', { app: 'weather' }));
  now.labelledPods.put(labelledPod('b', { app: 'clock' }));
  expect(now.strays).toEqual([]);
  leave(now);
  expect(now.strays).toEqual(['team/a']);
});

test('a card that changes and keeps its workload has nobody look at the labelled pods of its namespace', () => {
  const { cards, labelledPods, woken } = world();
  const looked = vi.spyOn(labelledPods, 'byIndex');
  cards.put(cardOf('weather', { generation: 2 }));
  expect(woken()).toContain('team/weather');
  expect(looked).not.toHaveBeenCalled();
});

const sandboxLike = { selector: { matchLabels: { sandbox: 'a' } }, templateLabels: { sandbox: 'a' } };

test.each<[string, (now: World) => void]>([
  ['is gone', ({ deployments, running }) => deployments.delete(running)],
  ['chooses others', ({ deployments }) => deployments.put(deployment('weather', sandboxLike))],
  [
    'lacks what its kind requires',
    ({ deployments, running }) => deployments.put({ ...changed(running), workload: undefined }),
  ],
])('the labelled pods that outlive a workload that %s go to the sweep, and no other', (_, leave) => {
  const now = world();
  now.labelledPods.put(labelledPod('a', { app: 'weather' }));
  now.labelledPods.put(labelledPod('b', { app: 'clock' }));
  now.labelledPods.put(labelledPod('far', { app: 'weather' }, 'other'));
  leave(now);
  expect(now.strays).toEqual(['team/a']);
});

test('a workload that changes and still chooses its pods sends none to the sweep', () => {
  const { deployments, labelledPods, strays, running } = world();
  labelledPods.put(labelledPod('a', { app: 'weather' }));
  deployments.put(changed(running));
  expect(strays).toEqual([]);
});

const name = fc.constantFrom(
  'weather',
  'clock',
  'other',
  'kubernetes',
  'kube-dns',
  'team',
  'weather-signature-policy',
  'weather-card-signed',
);
const act: fc.Arbitrary<(now: World) => void> = fc.oneof(
  name.map((called) => (now: World) => now.deployments.put(deployment(called, { namespace: 'other' }))),
  name.map((called) => (now: World) => now.cards.put(cardOf(called, { namespace: 'other', target: 'weather' }))),
  name.map((called) => (now: World) => now.services.put(serviceOf(called, { app: 'weather' }, 'other'))),
  name.map((called) => (now: World) => now.slices.put(sliceOf(called, 'other'))),
  name.map((called) => (now: World) => now.labelledPods.put(labelledPod(called, { app: 'weather' }, 'other'))),
  name.map((called) => (now: World) => now.policies.put(changed(policyOf(called, {}), { namespace: 'other' }))),
  name.map((called) => (now: World) => {
    now.signedCards.put(changed({ metadata: { name: called, namespace: 'other', uid: called } }));
  }),
);

test('whatever a namespace does, no card of another one wakes', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 12 }), fc.boolean(), (acts, removesAll) => {
      const now = world();
      now.woken();
      for (const each of acts) each(now);
      const { cards, services, slices, policies, deployments } = now;
      const all = [cards, services, slices, policies, deployments] as {
        values(): Iterable<never>;
        delete(object: never): void;
      }[];
      const theirs = (object: { metadata: { namespace?: string } }) => object.metadata.namespace === 'other';
      if (removesAll) for (const store of all) for (const one of [...store.values()].filter(theirs)) store.delete(one);
      expect(now.woken().filter((key) => !key.replace('~', '').startsWith('other/'))).toEqual([]);
    }),
  );
});

test('when a kind can be read again, or no more, the cards on it look, whichever version they name', () => {
  const now = world();
  const onSandbox = (name: string, version: string) => {
    const card = cardOf(name);
    const targetRef = { apiVersion: `agents.x-k8s.io/${version}`, kind: 'Sandbox', name };
    now.cards.put({ ...card, spec: { ...card.spec, targetRef } });
  };
  onSandbox('old', 'v1alpha1');
  onSandbox('new', 'v1beta1');
  now.woken();
  now.sandboxes.tellUnread();
  expect(now.woken()).toEqual(['team/new', 'team/old']);
});

test('however often something changes behind one label of a thousand workloads, its namespace takes a share of the thread', () => {
  vi.useFakeTimers();
  const { cards, deployments, slices, services, labelledPods, caches } = stores();
  const many = Array.from({ length: 1_000 }, (_, index) => `agent-${index}`);
  for (const name of [...many, 'weather']) {
    const namespace = name === 'weather' ? 'other' : 'team';
    cards.put(cardOf(name, { namespace }));
    deployments.put(deployment(name, { namespace, templateLabels: { app: name, part: 'x' } }));
    labelledPods.put(labelledPod(`${name}-1`, { app: name }, namespace));
  }
  services.put(serviceOf('shared', { part: 'x' }));
  const [woken, strays] = [[] as string[], new Set<string>()];
  let usedMs = 0;
  // So much does it take to wake one.
  const wake = (key: string) => {
    woken.push(key);
    usedMs += 0.01;
  };
  const sinks = { wake, addStray: (key: string) => strays.add(key), ownWrites: new OwnWrites() };
  connect(caches, [dns], sinks, { now: () => performance.now(), used: () => usedMs });
  woken.length = 0;
  usedMs = 0;
  for (let turn = 0; turn < 2_000; turn++) {
    slices.put(sliceOf('shared'));
    vi.advanceTimersByTime(5);
  }
  // Each change would take 10 ms of its 5.
  expect(usedMs).toBeGreaterThan(200);
  expect(usedMs).toBeLessThan(1_500);
  expect(woken).not.toContain(elsewhere);
  // Others are told of theirs at once, meanwhile.
  deployments.put(changed(deployment('weather', { namespace: 'other' })));
  expect(woken.at(-1)).toBe(elsewhere);
  // What came last is missed by nobody: a card that was woken by nothing else, and a label that it left behind.
  woken.length = 0;
  strays.clear();
  deployments.delete(deployment('agent-7'));
  expect(woken).toEqual([]);
  vi.advanceTimersByTime(2_000);
  expect(new Set(woken)).toEqual(new Set(many.map((name) => `team/${name}`)));
  expect(strays).toContain('team/agent-7-1');
  woken.length = 0;
  vi.advanceTimersByTime(60_000);
  expect(woken).toEqual([]);
  deployments.put(deployment('agent-7'));
  expect(woken).toContain('team/agent-7');
  vi.useRealTimers();
});

test('what a card left behind is found by one look at each labelled pod, however many workloads choose it', () => {
  const { cards, deployments, labelledPods, caches } = stores();
  const [labels, many] = [{ app: 'agent-7' }, 300];
  cards.put(cardOf('agent-7'));
  for (let index = 0; index < many; index++) {
    deployments.put(deployment(`agent-${index}`, { selector: { matchLabels: labels }, templateLabels: labels }));
    labelledPods.put(labelledPod(`pod-${index}`, labels));
  }
  const strays: string[] = [];
  const sinks = { wake: () => {}, addStray: (key: string) => strays.push(key), ownWrites: new OwnWrites() };
  connect(caches, [dns], sinks, { now: () => 0, used: () => 0 });
  strays.length = 0;
  const found = vi.spyOn(deployments, 'byIndex');
  cards.delete(cardOf('agent-7'));
  expect(strays).toHaveLength(many);
  const workloads = found.mock.results.flatMap(({ value }) => value as unknown[]);
  expect(workloads.length).toBeLessThanOrEqual(2 * many);
});
