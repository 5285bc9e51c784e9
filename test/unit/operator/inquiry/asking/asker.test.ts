import type { RequestListener } from 'node:http';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Asker } from '../../../../../src/operator/inquiry/asking/asker.ts';
import { askerProgram } from '../../../../../src/operator/inquiry/asking/asker-program.ts';
import { ExposedProcess } from '../../../../../src/operator/inquiry/asking/exposed-process.ts';
import type { Question } from '../../../../../src/operator/inquiry/asking/question.ts';
import type { TrustDomain } from '../../../../../src/spiffe/id.ts';
import type { IdentitySnapshot } from '../../../../../src/spiffe/workload-api/identity.ts';
import { root, svid } from '../../../../pki/mint.ts';
import {
  agentId,
  answer,
  domainA,
  domainB,
  http,
  https,
  identity,
  tcp,
  tlsOptions,
} from '../../../spiffe/tls/peers.ts';
import { question } from './questions.ts';

const patience = { timeout: 30_000, interval: 20 };

/** An asker with real processes, and what it told. */
function rig(current: () => IdentitySnapshot = () => identity) {
  const told: string[] = [];
  const asker = new Asker({
    program: askerProgram,
    identity: current,
    now: () => Date.now(),
    onCrash: (lane, { cause, detail }) => told.push(`${lane} ${cause} ${detail}`),
    onCulprit: ({ card }) => told.push(`culprit ${card}`),
  });
  const stop = new AbortController();
  const running = asker.run(stop.signal);
  const end = async () => {
    stop.abort();
    await running;
  };
  onTestFinished(end);
  return { asker, told, end, ask: (asked: Question) => asker.ask(asked, stop.signal) };
}

let world: ReturnType<typeof rig>;
beforeEach(() => {
  world = rig();
});
const kill = (pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL') => process.kill(pid ?? Number.NaN, signal);
const overTls = { trustDomains: [domainA] };

/** Holds every request until `release`, and says how many came. */
function gate() {
  const open = Promise.withResolvers<void>();
  let came = 0;
  const handler: RequestListener = (_, response) => {
    came += 1;
    void open.promise.then(() => response.end('{"name":"agent"}'));
  };
  return { handler, release: open.resolve, came: () => came };
}

describe('what the child asked', () => {
  test('over TLS is the same as if we had asked: answer, peer, and failure', async () => {
    const port = await https();
    expect(await world.ask(question(port, overTls))).toMatchObject({
      ...{ kind: 'answer', status: 200, body: Buffer.from('{"name":"agent"}') },
      peer: { id: { uri: agentId }, chain: [expect.any(Buffer), expect.any(Buffer)] },
    });
    const wrong = await https(answer, tlsOptions([svid(root(domainB), 'spiffe://b.test/ns/team/sa/agent')]));
    expect(await world.ask(question(wrong, overTls))).toMatchObject({
      ...{ code: 'TrustDomainMismatch', guilt: 'identity', claimedId: 'spiffe://b.test/ns/team/sa/agent' },
    });
    expect(world.told).toEqual([]);
  });

  test('over HTTP proves nothing', async () => {
    const outcome = await world.ask(question(await http(answer)));
    expect(outcome).toEqual({ kind: 'answer', status: 200, body: Buffer.from('{"name":"agent"}') });
  });

  test('with an identity that changed meanwhile is asked again, once', async () => {
    let current = identity;
    const { ask } = rig(() => current);
    let came = 0;
    const port = await https((_, response) => {
      came += 1;
      current = { ...identity, epoch: identity.epoch + came };
      response.end('{}');
    });
    expect(await ask(question(port, overTls))).toMatchObject({ kind: 'answer', status: 200 });
    expect(came).toBe(2);
  });

  test('is told whatever status an agent answers', async () => {
    for (const status of ['000', '099', '101', '204', '999']) {
      const port = await tcp((socket) => {
        socket.once('data', () => socket.end(`HTTP/1.1 ${status} so\r\ncontent-length: 0\r\n\r\n`));
      });
      expect((await world.ask(question(port))).kind).toMatch(/answer|failed/);
    }
    expect(world.told).toEqual([]);
  });

  test('is told however long the list of trust domains is that nobody here knows', async () => {
    const trustDomains = Array.from({ length: 16 }, (_, n) => `${n}${'x'.repeat(240)}.test` as TrustDomain);
    const outcome = await world.ask(question(1, { trustDomains }));
    expect(outcome).toMatchObject({ code: 'NoBundle', guilt: 'none' });
    expect(world.told).toEqual([]);
  });

  test('is answered once by the child, also when it was given up: nobody has to remember it for ever', async () => {
    const frames: unknown[] = [];
    const ended = Promise.withResolvers<void>();
    const child = new ExposedProcess(askerProgram, {
      ...{ maxFrame: 1_024, isStuck: () => false, onEnd: () => undefined },
      onFrame: ({ header }) => {
        frames.push(header);
        if (frames.length === 2) ended.resolve();
      },
    });
    onTestFinished(() => child.end('closed'));
    const held = await http(() => child.send({ cancel: 1 }));
    child.send({ ask: { id: 1, request: question(held).request } });
    child.send({ ask: { id: 2, request: question(await http(answer)).request } });
    await ended.promise;
    expect(frames).toContainEqual(
      expect.objectContaining({ id: 1, outcome: expect.objectContaining({ code: 'Aborted' }) }),
    );
  });

  test('is given up with its signal, at once on both sides', async () => {
    const { asker } = world;
    const gone = Promise.withResolvers<void>();
    const held = await http((request) => {
      request.socket.once('close', gone.resolve);
      stop.abort();
    });
    const stop = new AbortController();
    expect(await asker.ask(question(held), stop.signal)).toMatchObject({ kind: 'failed', code: 'Aborted' });
    await gone.promise;
    expect(await world.ask(question(await http(answer)))).toMatchObject({ kind: 'answer' });
    expect(world.told).toEqual([]);
  });
});

describe('when the child dies while ten are asked', () => {
  test('nine are answered, and the tenth, which does it again, is named and held back', async () => {
    const { asker, ask, told } = world;
    const { handler, release, came } = gate();
    const honest = await http(handler);
    let attempts = 0;
    const hostile = await http(() => {
      attempts += 1;
      kill(asker.pids.suspect ?? asker.pids.main);
      release();
    });
    const nine = Array.from({ length: 9 }, (_, n) => ask(question(honest, { card: `team/honest-${n}` })));
    await vi.waitFor(() => expect(came()).toBe(9), patience);
    const before = asker.pids.main;
    const tenth = ask(question(hostile, { card: 'bad/agent' }));
    for (const outcome of await Promise.all(nine)) expect(outcome).toMatchObject({ kind: 'answer', status: 200 });
    expect(await tenth).toMatchObject({ kind: 'failed', code: 'Interrupted', guilt: 'none' });
    expect(told).toEqual(['main exit SIGKILL', 'suspect exit SIGKILL', 'culprit bad/agent']);
    expect(asker.pids.main).not.toBe(before);
    // Held back: it is not even dialled.
    expect(await ask(question(hostile, { card: 'bad/agent' }))).toMatchObject({ code: 'Interrupted' });
    expect(attempts).toBe(2);
    expect(await ask(question(honest, { card: 'team/honest-0' }))).toMatchObject({ kind: 'answer' });
  });
});

describe('in a namespace whose agent ended the child alone', () => {
  async function convicted() {
    const { asker, ask } = world;
    const hostile = await http(() => kill(asker.pids.suspect ?? asker.pids.main));
    await ask(question(hostile, { card: 'bad/agent' }));
    expect(world.told.at(-1)).toBe('culprit bad/agent');
  }

  test('what is unproven is asked one after the other; those whom it would have wait too long, are told so at once', async () => {
    await convicted();
    const { handler, release, came } = gate();
    const port = await http(handler);
    const six = Array.from({ length: 6 }, (_, n) => world.ask(question(port, { card: `bad/new-${n}` })));
    expect(await six[4]).toMatchObject({ code: 'Interrupted' });
    expect(await six[5]).toMatchObject({ code: 'Interrupted' });
    const other = await http(answer);
    expect(await world.ask(question(other, { card: 'team/new' }))).toMatchObject({ kind: 'answer' });
    expect(await world.ask(question(other, { card: 'bad/known', proven: true }))).toMatchObject({ kind: 'answer' });
    await vi.waitFor(() => expect(came()).toBe(1), patience);
    release();
    for (const each of six.slice(0, 4)) expect(await each).toMatchObject({ kind: 'answer' });
  });

  test('the process for suspects ends when nobody needs it, and comes back', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    await convicted();
    const port = await http(answer);
    const ask = () => world.ask(question(port, { card: 'bad/new' }));
    expect(await ask()).toMatchObject({ kind: 'answer' });
    expect(world.asker.pids.suspect).toBeGreaterThan(0);
    vi.advanceTimersByTime(60_000);
    // It is on its way out: nobody who asks now is lost with it.
    expect(await ask()).toMatchObject({ kind: 'answer' });
    vi.advanceTimersByTime(60_000);
    await vi.waitFor(() => expect(world.asker.pids.suspect).toBeUndefined(), patience);
    expect(world.told.at(-1)).toBe('culprit bad/agent');
  });
});

test('a child that stands still is noticed and replaced, and whom it was asking is asked', async () => {
  const { asker, ask, told } = world;
  const { handler, release, came } = gate();
  const port = await http(handler);
  const asked = ask(question(port));
  await vi.waitFor(() => expect(came()).toBe(1), patience);
  kill(asker.pids.main, 'SIGSTOP');
  release();
  expect(await asked).toMatchObject({ kind: 'answer' });
  expect(told).toEqual(['main hang SIGKILL']);
});

test('a child that lives and does not answer in time counts as one that hangs', async () => {
  const asked = question(await http(() => {}));
  // The child is told another limit than the one that we go by.
  const limits = { ...asked.request.limits, timeoutMs: 0, toJSON: () => asked.request.limits };
  void world.ask({ ...asked, request: { ...asked.request, limits } });
  await vi.waitFor(() => expect(world.told).toContain('main hang SIGKILL'), patience);
});

test('both children end with the signal, and none is left', async () => {
  const { asker, ask, end } = world;
  let first = true;
  const port = await http((_, response) => {
    if (first) kill(asker.pids.main);
    first = false;
    response.end('{}');
  });
  await ask(question(port));
  const pids = Object.values(asker.pids);
  await vi.waitFor(() => expect(Object.values(asker.pids).every((pid) => pid !== undefined)).toBe(true), patience);
  await end();
  for (const pid of pids) expect(() => kill(pid, 0 as unknown as NodeJS.Signals)).toThrow('ESRCH');
  expect(asker.pids).toEqual({ main: undefined, suspect: undefined });
  expect(await ask(question(port))).toMatchObject({ code: 'Aborted' });
});
