import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import {
  type ElectionOptions,
  LeaderElection,
  LeadershipLost,
  type Lease,
} from '../../../../src/kube/runtime/leader-election.ts';
import { fakeApi, refuse, type Step, until } from '../fake-api.ts';

/** One Lease on a server that can be cut off from single replicas. */
async function leaseServer() {
  const state = {
    lease: undefined as Lease | undefined,
    version: 0,
    cut: new Set<string>(),
    tries: new Map<string, number>(),
    delay: () => {},
  };
  const store = (lease: Lease): Lease => {
    state.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: String(++state.version) } };
    return state.lease;
  };
  const server: Step = (response, request) => {
    const who = request.headers.authorization ?? '';
    state.tries.set(who, (state.tries.get(who) ?? 0) + 1);
    state.delay();
    if (state.cut.has(who)) return refuse(503)(response, request);
    const { method } = request;
    const body = request.body === '' ? undefined : JSON.parse(request.body);
    if (method === 'POST') {
      if (state.lease !== undefined) return refuse(409)(response, request);
      return void response.end(JSON.stringify(store(body)));
    }
    if (state.lease === undefined) return refuse(404)(response, request);
    if (method === 'GET') return void response.end(JSON.stringify(state.lease));
    if (body.metadata.resourceVersion !== state.lease.metadata.resourceVersion) return refuse(409)(response, request);
    return void response.end(JSON.stringify(store({ ...state.lease, spec: { ...state.lease.spec, ...body.spec } })));
  };
  return { state, server };
}

type Server = Awaited<ReturnType<typeof leaseServer>>;
const newClock = () => {
  const time = { monotonic: 0, wall: Date.UTC(2030, 0) };
  const advance = (ms: number) => {
    time.monotonic += ms;
    time.wall += ms;
  };
  return { time, advance, clock: { monotonic: () => time.monotonic, wall: () => time.wall } };
};

async function replica(server: Server, identity: string, options: Partial<ElectionOptions> = {}) {
  const { client } = await fakeApi([server.server], { headers: () => ({ authorization: identity }) });
  const changes: boolean[] = [];
  const defaults = {
    client,
    namespace: 'ns',
    name: 'op',
    identity,
    retryMs: 4,
    onChange: (is: boolean) => changes.push(is),
  };
  const election = new LeaderElection({ ...defaults, ...options });
  const stop = new AbortController();
  const acquired = election.acquire(stop.signal).then(
    () => true,
    () => false,
  );
  const state: { lost?: LeadershipLost } = {};
  void election.lost.then((error) => {
    state.lost = error;
  });
  const end = async () => {
    stop.abort();
    await acquired;
    await election.release();
  };
  onTestFinished(end);
  const tries = () => server.state.tries.get(identity) ?? 0;
  const afterTries = async (count: number) => {
    const reached = tries() + count;
    await until(() => tries() >= reached);
  };
  return { election, acquired, changes, state, end, tries, afterTries, client };
}

test('the first replica leads under a complete Lease, and renews it', async () => {
  const { clock, time } = newClock();
  const server = await leaseServer();
  const a = await replica(server, 'a', { clock });
  expect(await a.acquired).toBe(true);
  expect(a.election.isLeader()).toBe(true);
  time.wall += 1_000;
  await until(() => server.state.lease?.spec?.renewTime === '2030-01-01T00:00:01.000000Z');
  expect(server.state.lease).toMatchObject({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'op', namespace: 'ns' },
    spec: {
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      acquireTime: '2030-01-01T00:00:00.000000Z',
      leaseTransitions: 0,
    },
  });
  expect(a.changes).toEqual([true]);
});

test('a standby takes over at its next try after a release', async () => {
  const { clock } = newClock();
  const server = await leaseServer();
  const a = await replica(server, 'a', { clock });
  await a.acquired;
  const b = await replica(server, 'b', { clock });
  await b.afterTries(2);
  expect(b.election.isLeader()).toBe(false);
  await a.end();
  expect(a.election.isLeader()).toBe(false);
  expect(await b.acquired).toBe(true);
  expect(server.state.lease?.spec).toMatchObject({
    holderIdentity: 'b',
    leaseTransitions: 1,
    leaseDurationSeconds: 15,
  });
  expect(a.changes).toEqual([true, false]);
  expect(a.state.lost).toBeUndefined();
});

test('a silent holder is replaced when its lease has passed since the last change we saw, not sooner', async () => {
  const { clock, advance } = newClock();
  const server = await leaseServer();
  const spec = { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime: '1999-01-01T00:00:00.000000Z' };
  server.state.lease = { metadata: { name: 'op', namespace: 'ns', resourceVersion: '0' }, spec };
  const b = await replica(server, 'b', { clock });
  await b.afterTries(2);
  advance(14_000);
  await b.afterTries(2);
  server.state.lease = {
    metadata: { name: 'op', namespace: 'ns', resourceVersion: '0' },
    spec: { ...spec, renewTime: '1999-02' },
  };
  await b.afterTries(2);
  advance(14_999);
  await b.afterTries(3);
  expect(b.election.isLeader()).toBe(false);
  advance(1);
  expect(await b.acquired).toBe(true);
});

test.each([
  ['paused', { monotonic: 10_000, wall: 10_000 }],
  ['paused while the time was set back', { monotonic: 10_000, wall: -5_000 }],
  ['suspended with its machine', { monotonic: 0, wall: 10_000 }],
])('a process that was %s knows at once that it may not write', async (_, passed) => {
  const { clock, time } = newClock();
  const server = await leaseServer();
  const a = await replica(server, 'a', { clock });
  await a.acquired;
  const { version } = server.state;
  time.monotonic += passed.monotonic;
  time.wall += passed.wall;
  expect(a.election.isLeader()).toBe(false);
  await until(() => a.state.lost !== undefined);
  expect(a.state.lost).toBeInstanceOf(LeadershipLost);
  expect(a.changes).toEqual([true, false]);
  await a.end();
  expect(server.state.version - version).toBeLessThanOrEqual(1);
  expect(server.state.lease?.spec?.holderIdentity).toBe('a');
});

test('a partitioned leader stops before anyone can follow it', async () => {
  const { clock, advance } = newClock();
  const server = await leaseServer();
  const a = await replica(server, 'a', { clock });
  await a.acquired;
  const b = await replica(server, 'b', { clock });
  await b.afterTries(2);
  server.state.cut.add('a');
  await a.afterTries(2);
  advance(9_999);
  await Promise.all([a.afterTries(2), b.afterTries(2)]);
  expect([a.election.isLeader(), b.election.isLeader()]).toEqual([true, false]);
  advance(1);
  expect([a.election.isLeader(), b.election.isLeader()]).toEqual([false, false]);
  await until(() => a.state.lost !== undefined);
  advance(5_000);
  expect(await b.acquired).toBe(true);
});

test('leadership counts from when the renewal was sent, not from when its answer came', async () => {
  const { clock, advance } = newClock();
  const server = await leaseServer();
  const a = await replica(server, 'a', { clock });
  await a.acquired;
  server.state.delay = () => {
    server.state.delay = () => {};
    advance(6_000);
  };
  await a.afterTries(1);
  server.state.cut.add('a');
  await a.afterTries(2);
  advance(3_999);
  expect(a.election.isLeader()).toBe(true);
  advance(1);
  expect(a.election.isLeader()).toBe(false);
});

test('a short interruption costs nothing', async () => {
  const { clock, advance } = newClock();
  const server = await leaseServer();
  const a = await replica(server, 'a', { clock });
  await a.acquired;
  server.state.cut.add('a');
  await a.afterTries(2);
  advance(5_000);
  server.state.cut.clear();
  await a.afterTries(2);
  advance(9_999);
  expect(a.election.isLeader()).toBe(true);
  expect(a.changes).toEqual([true]);
});

test('a Lease that somebody touched or deleted is taken again by its holder', async () => {
  const { clock } = newClock();
  const server = await leaseServer();
  const a = await replica(server, 'a', { clock });
  await a.acquired;
  if (server.state.lease === undefined) throw new Error('no lease');
  server.state.lease = {
    ...server.state.lease,
    metadata: { ...server.state.lease.metadata, resourceVersion: 'touched' },
  };
  await until(() => server.state.lease?.metadata.resourceVersion !== 'touched');
  server.state.lease = undefined;
  await until(() => server.state.lease !== undefined);
  expect(server.state.lease).toMatchObject({ spec: { holderIdentity: 'a' } });
  expect(a.changes).toEqual([true]);
});

test('a leader that finds another holder has lost, and leaves the Lease alone', async () => {
  const { clock } = newClock();
  const server = await leaseServer();
  const a = await replica(server, 'a', { clock });
  await a.acquired;
  const spec = { holderIdentity: 'usurper', leaseDurationSeconds: 1 };
  server.state.lease = { metadata: { name: 'op', namespace: 'ns', resourceVersion: 'x' }, spec };
  await until(() => a.state.lost !== undefined);
  await a.end();
  expect(server.state.lease.spec).toEqual(spec);
});

test('a standby that is stopped never leads', async () => {
  const { clock } = newClock();
  const server = await leaseServer();
  const a = await replica(server, 'a', { clock });
  await a.acquired;
  const b = await replica(server, 'b', { clock });
  await b.end();
  expect(await b.acquired).toBe(false);
  expect(server.state.lease?.spec?.holderIdentity).toBe('a');
});

test('a replica stands by while it sees the Lease, and not while it could not tell that it is free', async () => {
  const { clock, advance } = newClock();
  const server = await leaseServer();
  server.state.cut.add('b');
  const a = await replica(server, 'a', { clock });
  const b = await replica(server, 'b', { clock });
  await a.acquired;
  await b.afterTries(2);
  expect([a.election.healthy(), b.election.healthy()]).toEqual([true, false]);
  server.state.cut.delete('b');
  await until(() => b.election.healthy());
  server.state.cut.add('b');
  await b.afterTries(2);
  advance(7_000);
  await a.afterTries(2);
  expect([a.election.healthy(), b.election.healthy()]).toEqual([true, true]);
  advance(8_000);
  await a.afterTries(2);
  await b.afterTries(2);
  expect([a.election.healthy(), b.election.healthy()]).toEqual([true, false]);
});

test('a deadline that is not shorter than the lease is refused', async () => {
  const server = await leaseServer();
  await expect(replica(server, 'a', { leaseMs: 10_000, renewMs: 10_000 })).rejects.toThrow(RangeError);
});

const event = fc.oneof(
  fc.record({ is: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 7_000 }) }),
  fc.record({ is: fc.constant('cut' as const), who: fc.constantFrom(0, 1) }),
  fc.record({ is: fc.constant('heal' as const), who: fc.constantFrom(0, 1) }),
);

test('whatever is cut off and however time passes, two replicas never lead at once', { timeout: 60_000 }, async () => {
  let processes = 0;
  const property = fc.asyncProperty(fc.array(event, { maxLength: 12 }), async (events) => {
    const { clock, advance } = newClock();
    const server = await leaseServer();
    const start = () => replica(server, `p${processes++}`, { clock, retryMs: 1 });
    const replicas = [await start(), await start()] as const;
    const live = [...replicas];
    const identity = (who: number) => live[who]?.client.config.headers() as { authorization: string };
    for (const happening of events) {
      if (happening.is === 'advance') advance(happening.ms);
      if (happening.is === 'cut') server.state.cut.add(identity(happening.who).authorization);
      if (happening.is === 'heal') server.state.cut.delete(identity(happening.who).authorization);
      expect(live.filter(({ election }) => election.isLeader()).length).toBeLessThan(2);
      for (const [who, each] of live.entries()) {
        const before = each.tries();
        await until(() => each.tries() >= before + 2 || each.state.lost !== undefined);
        expect(live.filter(({ election }) => election.isLeader()).length).toBeLessThan(2);
        // A process that lost exits and starts again under another name.
        if (each.state.lost !== undefined) live[who] = await start();
      }
    }
    await Promise.all(live.map(({ end }) => end()));
  });
  await fc.assert(property, { numRuns: 25 });
});
