import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Ask } from '../../../../../src/operator/inquiry/agenda.ts';
import { Dialler, type DiallerEdges } from '../../../../../src/operator/inquiry/dial/dialler.ts';
import { findingFrom } from '../../../../../src/operator/inquiry/dial/finding.ts';
import type { PodPlace } from '../../../../../src/operator/inquiry/dial/pod-place.ts';
import type { Finding } from '../../../../../src/operator/inquiry/evidence.ts';
import { type PodFacts, podFacts } from '../../../../../src/operator/workload/pod.ts';
import { parseSpiffeId, trustDomainOf } from '../../../../../src/spiffe/id.ts';
import type { FetchOutcome } from '../../../../../src/spiffe/tls/outcome.ts';
import { failed } from '../../../../../src/spiffe/tls/outcome.ts';
import { pod, replicaSet, workload } from '../../kit/builders.ts';
import { card as receivedCard } from '../received.ts';

const ahead = async () => undefined;
const ok: FetchOutcome = { kind: 'answer', status: 200, body: Buffer.from('{}') };
const expected = 'spiffe://example.org/ns/team/sa/weather';
const provenBy = (uri: string): FetchOutcome => {
  const id = parseSpiffeId(uri);
  if (!id.ok) throw new Error(id.error.message);
  return { ...ok, peer: { id: id.value, chain: [], notBefore: new Date(0), notAfter: new Date(0) } };
};

function ask(name: string, over: Partial<Ask> = {}): Ask {
  return {
    card: `team/${name}`,
    endpoint: {
      podUid: `${name}-uid`,
      podName: name,
      address: '198.19.0.1',
      family: 'IPv4',
      port: 8443,
      ready: true,
      version: 'v',
    },
    workload,
    transport: 'mtls',
    paths: ['/a', '/b'],
    hostHeader: 'weather.team.svc',
    trustDomains: [trustDomainOf('spiffe://example.org')],
    expected: [expected],
    seen: undefined,
    cadence: { transport: 'mtls', syncPeriodMs: 30_000, refresh: undefined, seed: 'weather' },
    urgent: true,
    ...over,
  };
}

function rig(over: Partial<DiallerEdges> = {}, concurrency = 4) {
  const findings: [string, string][] = [];
  const nothing: string[] = [];
  const edges: DiallerEdges = {
    now: () => 0,
    pods: { ahead, facts: async ({ name }) => podFacts(pod(name), replicaSet) },
    get: async () => ok,
    signedCard: async () => undefined,
    receive: async () => ({ ok: true, value: receivedCard }),
    unasked: () => [],
    standsOn: () => '',
    onVoid: (asked) => nothing.push(`void ${asked.endpoint.podName}`),
    onFinding: (asked, finding) => findings.push([asked.endpoint.podName, finding.kind]),
    onNothing: (asked) => nothing.push(asked.endpoint.podName),
    ...over,
  };
  const dialler = new Dialler(edges, { concurrency });
  dialler.open();
  return { dialler, findings, nothing };
}

describe('reading pods', () => {
  test('a pod that stays silent is read once, and again when it speaks', async () => {
    const facts = vi.fn(async ({ name }: PodPlace, known?: PodFacts) => known ?? podFacts(pod(name), replicaSet));
    const outcomes = [failed('Timeout', 'no'), failed('ConnectionRefused', 'no'), ok];
    const { dialler, findings } = rig({ pods: { ahead, facts }, get: async () => outcomes.shift() ?? ok });
    for (const kind of ['silence', 'silence', 'answer']) {
      dialler.ask([ask('a')]);
      await expect.poll(() => findings.at(-1)).toEqual(['a', kind]);
      findings.length = 0;
      await expect.poll(() => dialler.running).toBe(0);
    }
    expect(facts.mock.calls.map(([, known]) => known !== undefined)).toEqual([false, true, true, false]);
  });

  test.each([
    ['the card of whom was expected is', provenBy(expected), 1],
    ['the card of somebody else is not', provenBy('spiffe://example.org/ns/team/sa/other'), 2],
    ['the card of nobody is not', ok, 2],
    ['a silence is', failed('Timeout', 'no'), 1],
    ['guilt is not', failed('TrustDomainMismatch', 'another'), 2],
  ] as const)('%s believed of a pod that was read together with others', async (_, outcome, reads) => {
    const readAhead = async ({ name }: PodPlace) => podFacts(pod(name), replicaSet);
    const facts = vi.fn(async ({ name }: PodPlace, known?: PodFacts) => known ?? podFacts(pod(name), replicaSet));
    const { dialler, findings } = rig({ pods: { ahead: readAhead, facts }, get: async () => outcome });
    dialler.ask([ask('a')]);
    await expect.poll(() => findings).toHaveLength(1);
    expect(facts.mock.calls.map(([, known]) => known !== undefined)).toEqual([true, false].slice(0, reads));
  });

  test('another EndpointSlice entry is another pod to read', async () => {
    const facts = vi.fn(async ({ name }: PodPlace, known?: PodFacts) => known ?? podFacts(pod(name), replicaSet));
    const { dialler } = rig({ pods: { ahead, facts }, get: async () => failed('Timeout', 'no') });
    for (const version of ['v', 'w']) {
      dialler.ask([ask('a', { endpoint: { ...ask('a').endpoint, version } })]);
      await expect.poll(() => dialler.running).toBe(0);
    }
    expect(facts.mock.calls.map(([, known]) => known)).toEqual([undefined, undefined]);
  });
});

describe('what is asked', () => {
  test('an urgent question overtakes those that only wait for their turn', async () => {
    const release = Promise.withResolvers<void>();
    const get = async (): Promise<FetchOutcome> => {
      await release.promise;
      return ok;
    };
    const { dialler, findings } = rig({ get }, 1);
    dialler.ask(['first', 'second', 'third'].map((name) => ask(name, { urgent: false })));
    dialler.ask([ask('news')]);
    release.resolve();
    await expect.poll(() => findings).toHaveLength(4);
    expect(findings.map(([name]) => name)).toEqual(['first', 'news', 'second', 'third']);
  });

  test('a question that waits or is under way is not put twice', async () => {
    const get = vi.fn(async () => ok);
    const { dialler, findings } = rig({ get });
    dialler.ask([ask('a'), ask('a')]);
    dialler.ask([ask('a')]);
    await expect.poll(() => findings).toEqual([['a', 'answer']]);
    expect(get).toHaveBeenCalledTimes(1);
  });

  test('a pod whose owner chain ends elsewhere is never dialled', async () => {
    const get = vi.fn(async () => ok);
    const foreign = { ...podFacts(pod('a'), replicaSet), owner: { kind: 'ReplicaSet', name: 'other', uid: 'x' } };
    const { dialler, findings } = rig({ get, pods: { ahead, facts: async () => foreign } });
    dialler.ask([ask('a')]);
    await expect.poll(() => findings).toEqual([['a', 'stranger']]);
    expect(get).not.toHaveBeenCalled();
  });

  test('a pod that names the workload as its owner, which did not make it, is none of its own', async () => {
    const { uid } = ask('a').workload;
    const forged = { ...podFacts(pod('a'), undefined), owner: { kind: 'Deployment', name: 'weather', uid } };
    const { dialler, findings } = rig({ pods: { ahead, facts: async () => forged } });
    dialler.ask([ask('a')]);
    await expect.poll(() => findings).toEqual([['a', 'stranger']]);
  });

  test('an address that is not the pod’s is not dialled', async () => {
    const get = vi.fn(async () => ok);
    const { dialler, nothing } = rig({ get });
    const base = ask('a');
    dialler.ask([{ ...base, endpoint: { ...base.endpoint, address: '198.19.0.99' } }]);
    await expect.poll(() => nothing).toEqual(['a']);
    expect(get).not.toHaveBeenCalled();
  });

  test('the next path is asked only where the last was answered 404', async () => {
    const paths: string[] = [];
    const get = async (_: Ask, path: string): Promise<FetchOutcome> => {
      paths.push(path);
      return path === '/a' ? { kind: 'answer', status: 404, body: Buffer.alloc(0) } : ok;
    };
    const { dialler, findings } = rig({ get });
    dialler.ask([ask('a')]);
    await expect.poll(() => findings).toHaveLength(1);
    expect(paths).toEqual(['/a', '/b']);
  });

  test('of two paths that fail the last one’s error is told, and the first one’s is not lost', async () => {
    const messages: string[] = [];
    const get = async (_: Ask, path: string): Promise<FetchOutcome> => {
      return { kind: 'answer', status: path === '/a' ? 404 : 500, body: Buffer.alloc(0) };
    };
    const onFinding = (_: Ask, finding: Finding) => messages.push(finding.kind === 'silence' ? finding.message : '');
    const { dialler } = rig({ get, onFinding });
    dialler.ask([ask('a')]);
    await expect.poll(() => messages).toEqual(['The agent answered HTTP 500 at /b, after HTTP 404 at /a.']);
  });

  test('a signer’s ConfigMap speaks before plain HTTP, and never before mutual TLS', async () => {
    const get = vi.fn(async () => ok);
    const { dialler, findings } = rig({ get, signedCard: async () => Buffer.from('{}') });
    dialler.ask([ask('plain', { transport: 'http' })]);
    await expect.poll(() => findings).toHaveLength(1);
    expect(get).not.toHaveBeenCalled();
    dialler.ask([ask('tls')]);
    await expect.poll(() => findings).toHaveLength(2);
    expect(get).toHaveBeenCalledTimes(1);
  });

  test('what waits for pods that stand behind its card no more is dropped, and no other question', async () => {
    const gate = Promise.withResolvers<FetchOutcome>();
    const { dialler, findings } = rig({ get: () => gate.promise }, 1);
    const card = 'team/moving';
    dialler.ask([ask('first'), ...['gone-1', 'gone-2', 'stays'].map((name) => ask(name, { card })), ask('other')]);
    dialler.keepOnly(card, new Set(['stays-uid']));
    expect([dialler.running, dialler.waiting]).toEqual([1, 2]);
    gate.resolve(ok);
    await expect.poll(() => findings.map(([name]) => name).sort()).toEqual(['first', 'other', 'stays']);
    expect([dialler.running, dialler.waiting]).toEqual([0, 0]);
  });

  test('nothing is dialled before it is opened', async () => {
    const get = vi.fn(async () => ok);
    const findings: string[] = [];
    const dialler = new Dialler(
      {
        now: () => 0,
        pods: { ahead, facts: async ({ name }) => podFacts(pod(name), replicaSet) },
        get,
        signedCard: async () => undefined,
        receive: async () => ({ ok: true, value: receivedCard }),
        unasked: () => [],
        standsOn: () => '',
        onVoid: () => {},
        onFinding: (asked) => findings.push(asked.endpoint.podName),
        onNothing: () => {},
      },
      { concurrency: 1 },
    );
    dialler.ask([ask('a')]);
    expect(dialler.waiting).toBe(1);
    expect(get).not.toHaveBeenCalled();
    dialler.open();
    await expect.poll(() => findings).toEqual(['a']);
  });
});

describe('an answer', () => {
  test.each([
    ['our trust bundles', 'bundles 1', 'bundles 2'],
    ['the AgentCard’s object or spec', 'card 1', 'card 2'],
  ])('is void when %s changed while it was read, whatever it says', async (_, before, after) => {
    let ground = before;
    const receive = async () => {
      ground = after;
      return { ok: true as const, value: receivedCard };
    };
    const { dialler, findings, nothing } = rig({ receive, standsOn: () => ground });
    dialler.ask([ask('a')]);
    await expect.poll(() => nothing).toEqual(['void a']);
    await expect.poll(() => dialler.running).toBe(0);
    dialler.ask([ask('a')]);
    await expect.poll(() => findings).toEqual([['a', 'answer']]);
    expect(nothing).toEqual(['void a']);
  });
});

/** Time that stands still while anything can still happen, and then goes on to the next answer. */
function simulated(concurrency: number, lasts: (asked: Ask) => number) {
  const clock = { now: 0 };
  const due: { readonly at: number; readonly answer: () => void }[] = [];
  const order: string[] = [];
  const get = (asked: Ask): Promise<FetchOutcome> => {
    order.push(asked.card);
    return new Promise((resolve) => due.push({ at: clock.now + lasts(asked), answer: () => resolve(ok) }));
  };
  const asked = new Map<string, number>();
  const onFinding = (about: Ask) => void asked.set(about.card, clock.now);
  const { dialler } = rig({ get, now: () => clock.now, onFinding }, concurrency);
  const step = async () => {
    await new Promise(setImmediate);
    const next = due.sort((a, b) => a.at - b.at).shift();
    if (next === undefined) return false;
    clock.now = Math.max(clock.now, next.at);
    next.answer();
    await new Promise(setImmediate);
    return true;
  };
  return { dialler, clock, order, asked, step };
}

const tenant = (index: number) => ask(`t${index}`, { card: `tenant/${index}` });
const tenantLoad = Array.from({ length: 140 }, (_, index) => tenant(index));

describe('what a tenant does to others', () => {
  test('140 pods that answer after 4.9 seconds and are urgent all the time keep no other waiting', async () => {
    const { dialler, clock, asked, step } = simulated(16, ({ card }) => (card.startsWith('tenant/') ? 4_900 : 10));
    dialler.ask(tenantLoad);
    while (clock.now < 60_000 && (await step())) dialler.ask(tenantLoad);
    for (let round = 0; round < 20; round++) {
      const card = `honest/${round}`;
      const since = clock.now;
      dialler.ask([ask(`h${round}`, { card, urgent: false })]);
      while (!asked.has(card) && (await step())) dialler.ask(tenantLoad);
      expect(clock.now - since).toBeLessThanOrEqual(10);
    }
  });

  test('with any load of a tenant, another gets every second place that becomes free while it holds fewer', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 20 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 6 }),
        async (places, lasting, urgent) => {
          const time = ({ card }: Ask) =>
            card.startsWith('tenant/') ? (lasting[Number(card.split('/')[1]) % lasting.length] ?? 1) : 0;
          const { dialler, order, step } = simulated(places, time);
          dialler.ask(tenantLoad);
          await step();
          const honest = urgent.map((isUrgent, index) =>
            ask(`h${index}`, { card: `honest/${index}`, urgent: isUrgent }),
          );
          const from = order.length;
          dialler.ask(honest);
          for (let turn = 0; turn < 40 && (await step()); turn++) dialler.ask(tenantLoad);
          const waited = honest.map(({ card }) => order.slice(from).indexOf(card));
          for (const [rank, turns] of waited.sort((a, b) => a - b).entries()) {
            expect(turns).toBeGreaterThanOrEqual(0);
            expect(turns).toBeLessThanOrEqual(2 * rank + 1);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  test('the slow of one tenant leave half of the slow places to those of another', async () => {
    const { dialler, asked, step } = simulated(8, () => 3_000);
    const slow = (space: string) =>
      Array.from({ length: 20 }, (_, i) => ask(`${space}${i}`, { card: `${space}/${i}` }));
    dialler.ask([...slow('a'), ...slow('b').slice(0, 2)]);
    while (asked.size < 22) await step();
    asked.clear();
    dialler.ask(slow('a'));
    dialler.ask(slow('b').slice(0, 2));
    for (let turn = 0; turn < 8; turn++) await step();
    expect([...asked.keys()].filter((card) => card.startsWith('b/'))).toHaveLength(2);
  });
});

describe('black holes', () => {
  test('targets that timed out share a quarter of the places, so that others never wait for them', async () => {
    const release = Promise.withResolvers<void>();
    let holes = 0;
    const get = async (asked: Ask): Promise<FetchOutcome> => {
      if (!asked.endpoint.podName.startsWith('hole')) return ok;
      holes += 1;
      if (holes > 8) await release.promise;
      return failed('Timeout', 'no complete answer within the time limit');
    };
    const { dialler, findings } = rig({ get }, 8);
    const black = Array.from({ length: 8 }, (_, index) => ask(`hole-${index}`));
    dialler.ask(black);
    await expect.poll(() => findings).toHaveLength(8);
    dialler.ask(black);
    await expect.poll(() => holes).toBe(10);
    expect(dialler.running).toBe(2);
    dialler.ask(Array.from({ length: 30 }, (_, index) => ask(`good-${index}`)));
    await expect.poll(() => findings.filter(([name]) => name.startsWith('good'))).toHaveLength(30);
    release.resolve();
    await expect.poll(() => dialler.running).toBe(0);
  });
});

describe('what an outcome says of the pod', () => {
  const facts = podFacts(pod('a'), replicaSet);
  const receive = async () => ({ ok: true as const, value: receivedCard });

  test('guilt is an answer, absence is silence', async () => {
    const guilty = await findingFrom(
      { outcome: failed('PeerCertificateInvalid', 'bad', 'spiffe://x/y') },
      facts,
      1,
      receive,
    );
    expect(guilty).toMatchObject({ kind: 'answer', answer: { kind: 'refusal', claimedId: 'spiffe://x/y' } });
    expect(await findingFrom({ outcome: failed('ConnectionRefused', 'no') }, facts, 1, receive)).toMatchObject({
      kind: 'silence',
      reason: 'FetchFailed',
    });
    expect(await findingFrom({ outcome: failed('TooLarge', 'big') }, facts, 1, receive)).toMatchObject({
      kind: 'silence',
      reason: 'CardInvalid',
    });
  });

  test('a status other than 200 is not a card, whatever its body', async () => {
    const outcome = { kind: 'answer', status: 503, body: Buffer.from('secret text') } as const;
    const finding = await findingFrom({ outcome, path: '/a' }, facts, 1, receive);
    expect(finding).toMatchObject({ kind: 'silence', message: 'The agent answered HTTP 503 at /a.' });
  });

  const unreadable = async () => ({ ok: false as const, error: { code: 'NoJson', message: 'the card is no JSON' } });
  const status = (code: number) => ({ kind: 'answer', status: code, body: Buffer.alloc(0) }) as const;

  test.each([
    [status(404), '/b', ['/a'], 'The agent answered HTTP 404 at /b, after HTTP 404 at /a.'],
    [status(200), '/b', ['/a'], 'the card is no JSON at /b, after HTTP 404 at /a'],
    [status(200), '/a', [], 'the card is no JSON at /a'],
    [failed('TooLarge', 'the answer is too long'), '/a', [], 'the answer is too long at /a'],
    [failed('Timeout', 'no answer'), '/b', ['/a'], 'no answer at /b, after HTTP 404 at /a'],
    [failed('ConnectionRefused', 'refused'), '/a', [], 'refused'],
  ])(
    'a failure names the path that brought it, and those that were empty before: $3',
    async (outcome, path, absent, said) => {
      expect(await findingFrom({ outcome, path, absent }, facts, 1, unreadable)).toMatchObject({ message: said });
    },
  );
});
