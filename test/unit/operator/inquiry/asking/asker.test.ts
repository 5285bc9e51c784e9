import type { RequestListener } from 'node:http';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { Asker } from '../../../../../src/operator/inquiry/asking/asker.ts';
import { askerProgram } from '../../../../../src/operator/inquiry/asking/asker-program.ts';
import type { Question } from '../../../../../src/operator/inquiry/asking/question.ts';
import type { IdentitySnapshot } from '../../../../../src/spiffe/workload-api/identity.ts';
import { root, svid } from '../../../../pki/mint.ts';
import { agentId, answer, domainA, domainB, http, https, identity, tlsOptions } from '../../../spiffe/tls/peers.ts';
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
  const { ask, told } = world;
  const never = await http(() => {});
  const limits = { maxBytes: 1, maxHeaderBytes: 8192, timeoutMs: 20_000 };
  const asked = question(never);
  // What the parent believes of the limit, and what the child was told.
  let told20 = false;
  const request = {
    ...asked.request,
    limits: {
      ...limits,
      get timeoutMs() {
        const ms = told20 ? 0 : 20_000;
        told20 = true;
        return ms;
      },
    },
  };
  void ask({ ...asked, request });
  await vi.waitFor(() => expect(told).toContain('main hang SIGKILL'), patience);
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
