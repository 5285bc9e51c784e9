import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { KnownChains } from '../../../../src/agentcard/signature/known-chains.ts';
import type { KubeClient } from '../../../../src/kube/client/client.ts';
import { createLogger } from '../../../../src/kube/runtime/log.ts';
import { Inquiry } from '../../../../src/operator/inquiry/inquiry.ts';
import type { Config } from '../../../../src/operator/settings/config.ts';
import type { CachedCard } from '../../../../src/operator/watch/cached.ts';
import type { Caches } from '../../../../src/operator/watch/caches.ts';
import { type IdentitySnapshot, IdentitySource } from '../../../../src/spiffe/workload-api/identity.ts';
import { card, pod, replicaSet, workload } from '../kit/builders.ts';
import { directAsking } from './direct-asking.ts';
import { askBy } from './received.ts';

const key = 'team/weather';
const document = JSON.stringify({ name: 'Weather', version: '1', url: 'https://weather.test' });

/** An agent on loopback; every answer is counted. */
async function agent() {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.end(document);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return { port: (server.address() as AddressInfo).port, asked: () => asked };
}

/** What is there from the start. */
function watched(cards: Map<string, CachedCard>) {
  const onEvent = (handler: { add(card: CachedCard): void }) => cards.forEach((each) => void handler.add(each));
  return Object.assign(cards, { onEvent, byIndex: () => [...cards.values()] });
}

/** An inquiry about one card, which may be taken away; what it wakes and whether its brake holds. */
function rig(cards = new Map<string, CachedCard>([[key, card()]])) {
  const woken: string[] = [];
  const brake: boolean[] = [];
  const listed: string[] = [];
  const clock = { aheadMs: 0 };
  const listPage = async (_: unknown, { labelSelector }: { labelSelector: string }) => {
    listed.push(labelSelector);
    return { items: [] };
  };
  const there = { ...pod('w'), status: { podIPs: [{ ip: '127.0.0.1' }] } };
  const identity = new IdentitySource({ clock: () => Date.now() });
  const inquiry = new Inquiry({
    config: { fetchConcurrency: 4, fetchTimeout: 5_000, maxDistrust: 20, maxHold: 60_000 } as Config,
    client: { get: async () => there, listPage } as unknown as KubeClient,
    log: createLogger({ write: () => {} }),
    now: () => Date.now() + clock.aheadMs,
    ...{ identity, asker: directAsking(identity) },
    caches: {
      ...{ cards: watched(cards), labelledPods: new Map(), signedCards: undefined },
      workloads: new Map([['apps/Deployment', { get: (name: string) => ({ workload: workloadOf(name) }) }]]),
      replicaSets: { of: async () => replicaSet },
    } as unknown as Caches,
    knownChains: new KnownChains(1),
    learned: () => {},
    onBrake: (engaged) => brake.push(engaged),
    wake: (card, when) => woken.push(when === undefined ? card : `${card} ${JSON.stringify(Object.keys(when))}`),
  });
  const stop = new AbortController();
  const running = inquiry.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  return { inquiry, cards, woken, brake, listed, clock };
}

/** By its key. */
function workloadOf(name: string) {
  const app = name.replace('team/', '');
  return { ...workload, uid: app, selector: { matchLabels: { app } } };
}

const ask = (port: number) => askBy('http', { address: '127.0.0.1', port });

const seen = (over: object = {}) => {
  return { card: card(), standing: new Set(['w-uid']), silent: false, replaced: [], ...over };
};

test('what a pod answers is known from then on, and wakes its card', async () => {
  const { inquiry, woken } = rig();
  const { port } = await agent();
  expect(inquiry.known(key).evidence.pods.size).toBe(0);
  inquiry.ask([ask(port)], 0);
  await expect.poll(() => woken).toEqual([key]);
  expect(inquiry.known(key).evidence.pods.get('w-uid')?.answer).toMatchObject({ kind: 'card' });
});

test('the same answer again wakes nobody before the next turn', async () => {
  const { inquiry, woken } = rig();
  const { port } = await agent();
  inquiry.ask([ask(port)], 0);
  await expect.poll(() => woken).toHaveLength(1);
  inquiry.ask([ask(port)], Date.now());
  await expect.poll(() => woken).toEqual([key, `${key} ["priority","afterMs"]`]);
});

test('what is published is forgotten while the status has it, and read again from the next answer when it has not', async () => {
  const { inquiry, cards, woken } = rig();
  const { port } = await agent();
  const answered = async (publishedHash: string | undefined) => {
    cards.set(key, { ...card(), publishedHash });
    const before = woken.length;
    inquiry.ask([ask(port)], Date.now());
    await expect.poll(() => woken).toHaveLength(before + 1);
    const answer = inquiry.known(key).evidence.pods.get('w-uid')?.answer;
    if (answer?.kind !== 'card') throw new Error('no card');
    return answer.card.published;
  };
  const { text, sha256 } = await answered(undefined);
  expect(JSON.parse(text ?? '')).toMatchObject({ name: 'Weather' });
  expect(await answered(sha256)).toEqual({ text: undefined, sha256 });
  expect(await answered('somebody emptied the status')).toEqual({ text, sha256 });
  expect(woken).toEqual([key, `${key} ["priority","afterMs"]`, key]);
});

test('with the first question to a card the pods of all in its namespace of which nothing is known are read, but for verified ones', async () => {
  const called = (name: string, over: object = {}): [string, CachedCard] => {
    const { metadata, spec } = card();
    const targetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
    return [`team/${name}`, { metadata: { ...metadata, name }, spec: { ...spec, targetRef }, ...over }];
  };
  const conditions = [{ type: 'Verified', status: 'True' }];
  const cards = ['a', 'b', 'c', 'd'].map((name) => called(name));
  const rigged = rig(new Map([...cards, called('verified', { status: { conditions } })]));
  const { inquiry, listed, clock, woken } = rigged;
  const { port } = await agent();
  const question = async (name: string) => {
    const before = woken.length;
    inquiry.ask([{ ...ask(port), card: `team/${name}`, workload: workloadOf(name) }], Date.now() + clock.aheadMs);
    await expect.poll(() => woken.length).toBeGreaterThan(before);
  };
  await question('a');
  expect(listed).toEqual(['app in (a,b,c,d)']);
  clock.aheadMs = 60_000;
  for (const [key, each] of [called('e'), called('f')]) rigged.cards.set(key, each);
  await question('a');
  expect(listed).toHaveLength(1);
  await question('c');
  expect(listed.slice(1)).toEqual(['app in (c,b,d,e,f)']);
});

test('a question that was answered since it was decided on is not put again', async () => {
  const { inquiry, woken } = rig();
  const { port, asked } = await agent();
  const decided = Date.now() - 1;
  inquiry.ask([ask(port)], decided);
  await expect.poll(() => woken).toHaveLength(1);
  inquiry.ask([ask(port)], decided);
  inquiry.ask([{ ...ask(port), endpoint: { ...ask(port).endpoint, podUid: 'other-uid' } }], decided);
  await expect.poll(() => woken).toHaveLength(2);
  expect(asked()).toBe(1);
});

test('what is kept is what still stands: neither pods that went nor those whose containers were replaced', async () => {
  const { inquiry, woken } = rig();
  const { port } = await agent();
  inquiry.ask([ask(port)], 0);
  await expect.poll(() => woken).toHaveLength(1);
  inquiry.keep(seen());
  expect(inquiry.known(key).evidence.pods.size).toBe(1);
  inquiry.keep(seen({ replaced: ['w-uid'] }));
  expect(inquiry.known(key).evidence.pods.size).toBe(0);
});

test('nothing is known of a card that was forgotten, nor is an answer kept for one that is gone', async () => {
  const { inquiry, cards, woken } = rig();
  const { port, asked } = await agent();
  inquiry.ask([ask(port)], 0);
  await expect.poll(() => woken).toHaveLength(1);
  inquiry.forget(key);
  expect(inquiry.known(key).evidence.pods.size).toBe(0);
  cards.clear();
  inquiry.ask([ask(port)], 0);
  await expect.poll(() => asked()).toBe(2);
  expect(inquiry.known(key).evidence.pods.size).toBe(0);
});

test('while too many cards that hold trust lack an answer at once, the brake holds for all', () => {
  const verified = {
    type: 'Verified',
    status: 'True',
    reason: 'mTLSVerified',
    message: '',
    lastTransitionTime: '',
  } as const;
  const trusted = (index: number): CachedCard => {
    const { metadata } = card();
    return { ...card(), metadata: { ...metadata, name: `${index}` }, status: { conditions: [verified] } };
  };
  const many = new Map(Array.from({ length: 10 }, (_, index) => [`team/${index}`, trusted(index)]));
  const { inquiry, brake } = rig(many);
  const silent = (index: number) => {
    const named = { ...card(), metadata: { ...card().metadata, name: String(index) } };
    inquiry.keep(seen({ card: named, silent: true }));
  };
  for (let index = 0; index < 4; index += 1) silent(index);
  expect(inquiry.known('team/0').fleetHeldUntil).toBeUndefined();
  silent(4);
  expect(inquiry.known('team/9').fleetHeldUntil).toBeGreaterThan(Date.now());
  expect(inquiry.fleet.silent).toBe(5);
  expect(brake).toEqual([true]);
});

test('bundles that changed, or our own identity that is back, wake every card; other news of ours wakes none', () => {
  const { inquiry, woken } = rig();
  const before: IdentitySnapshot = { epoch: 1, bundleEpoch: 1, state: 'waiting', bundles: new Map() };
  inquiry.identityChanged({ ...before, lastError: { code: 'x', message: 'y' } }, before);
  expect(woken).toEqual([]);
  inquiry.identityChanged({ ...before, epoch: 2, bundleEpoch: 2 }, before);
  inquiry.identityChanged({ ...before, epoch: 3, state: 'ready' }, before);
  expect(woken).toEqual([`${key} ["priority"]`, `${key} ["priority"]`]);
});

test('a request for a refresh counts as met once its questions are put, and not before', async () => {
  const { port } = await agent();
  const { inquiry } = rig();
  const asking = ask(port);
  const annotated = { ...card(), metadata: { ...card().metadata, annotations: { 'agent.kagenti.dev/refresh': '1' } } };
  const cadence = { ...asking.cadence, refresh: '1' };
  inquiry.ask([{ ...asking, cadence }], 0);
  inquiry.keep(seen({ card: annotated }));
  expect(inquiry.known(key).evidence.refresh).toBeUndefined();
  inquiry.ask([{ ...asking, cadence, refreshes: true }], 0);
  expect(inquiry.known(key).evidence.refresh).toBe('1');
});
