import { expect, onTestFinished, test } from 'vitest';
import type { ApiError, KubeClient } from '../../../../src/kube/client/client.ts';
import { keyOf } from '../../../../src/kube/objects.ts';
import { Reflector, type ReflectorTiming } from '../../../../src/kube/watch/reflector.ts';
import {
  bookmark,
  event,
  fakeApi,
  page,
  refuse,
  type Step,
  status,
  stream,
  until,
  widget,
  widgets,
} from '../fake-api.ts';

type Widget = ReturnType<typeof widget>;

function reflect(client: KubeClient, timing: Partial<ReflectorTiming> = {}) {
  const seen = new Map<string, string>();
  const errors: ApiError[] = [];
  const waits: number[] = [];
  const thrown: unknown[] = [];
  let lists = 0;
  const reflector = new Reflector<Widget>({
    client,
    resource: widgets,
    timing: { idleMs: 100, baseDelayMs: 4, maxDelayMs: 16, soundMs: 5_000, ...timing },
    telemetry: {
      failed: (error, waitMs) => {
        errors.push(error);
        waits.push(waitMs);
      },
      objectFailed: (error) => thrown.push(error),
      listed: () => lists++,
    },
    sink: {
      replace: (objects) => {
        seen.clear();
        for (const object of objects) seen.set(keyOf(object), object.metadata.resourceVersion);
      },
      upsert: (object) => {
        if (object.data === 'poison') throw new Error('handler broke');
        if (object.data === 'relist') reflector.relist();
        seen.set(keyOf(object), object.metadata.resourceVersion);
      },
      remove: (object) => void seen.delete(keyOf(object)),
    },
  });
  const stop = new AbortController();
  const done = reflector.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await done;
  });
  return { reflector, seen, errors, waits, thrown, stop, done, lists: () => lists };
}

const startsAt = (requests: { query: URLSearchParams }[]) => requests.map(({ query }) => query.get('resourceVersion'));
const open =
  (...parts: string[]): Step =>
  (response) =>
    void response.write(parts.join(''));
const a1 = widget('a', 1);

test('a reset connection is resumed at the last version, without a list', async () => {
  const { client, requests } = await fakeApi([
    (response) => {
      response.write(stream(5, a1) + event('MODIFIED', widget('a', 7)));
      setTimeout(() => response.socket?.resetAndDestroy(), 10);
    },
    open(event('ADDED', widget('b', 8))),
  ]);
  const { seen, errors, lists } = reflect(client);
  await until(() => seen.has('default/b'));
  expect(startsAt(requests)).toEqual([null, '7']);
  expect(requests[0]?.query.get('sendInitialEvents')).toBe('true');
  expect(errors.map(({ code }) => code)).toEqual([0]);
  expect(lists()).toBe(1);
});

test('a watch closed in good order resumes where a bookmark left it', async () => {
  const { client, requests } = await fakeApi([
    (response) => void response.end(stream(5, a1) + bookmark(50)),
    open(event('ADDED', widget('b', 51))),
  ]);
  const { seen, errors } = reflect(client);
  await until(() => seen.has('default/b'));
  expect(startsAt(requests)).toEqual([null, '50']);
  expect(errors).toEqual([]);
});

test('a silent connection counts as dead after the idle time', async () => {
  const { client, requests } = await fakeApi([open(stream(5, a1)), open(event('ADDED', widget('b', 6)))]);
  const { seen, errors } = reflect(client);
  await until(() => seen.has('default/b'));
  expect(errors[0]?.reason).toBe('Silent');
  expect(startsAt(requests).slice(0, 2)).toEqual([null, '5']);
});

test.each([
  ['as an event', (response) => void response.end(event('ERROR', { code: 410, reason: 'Expired' }))],
  ['as a status', refuse(410)],
  [
    'as a version the server has not reached',
    refuse(504, {}, status(504, { details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } })),
  ],
] satisfies [string, Step][])(
  'a version the server no longer knows (%s) leads to a new list that removes what is gone',
  async (_, gone) => {
    const { client, requests } = await fakeApi([
      (response) => void response.end(stream(5, a1, widget('b', 2))),
      gone,
      open(stream(90, widget('b', 80))),
    ]);
    const { seen } = reflect(client);
    await until(() => seen.get('default/b') === '80');
    expect([...seen.keys()]).toEqual(['default/b']);
    expect(startsAt(requests)).toEqual([null, '5', null]);
  },
);

test.each([400, 403, 404, 410, 422, 500, 503, 504])(
  'a streaming list refused with %i is taken in pages instead',
  async (code) => {
    const { client, requests } = await fakeApi([
      refuse(code),
      (response) => void response.end(page(9, [a1], 'next')),
      (response) => void response.end(page(9, [widget('b', 2)])),
      open(event('DELETED', widget('a', 10))),
    ]);
    const { seen } = reflect(client, { pageSize: 1 });
    await until(() => seen.has('default/b') && !seen.has('default/a'));
    expect(requests[1]?.query.get('limit')).toBe('1');
    expect(requests[2]?.query.get('continue')).toBe('next');
    expect(requests[3]?.query.get('resourceVersion')).toBe('9');
  },
);

test('a listed object carries its type like a watched one', async () => {
  const { client } = await fakeApi([refuse(422), (response) => void response.end(page(9, [a1])), open(bookmark(9))]);
  const kept: Widget[] = [];
  const sink = { replace: (objects: readonly Widget[]) => void kept.push(...objects), upsert() {}, remove() {} };
  const timing = { baseDelayMs: 1, maxDelayMs: 1 };
  const stop = new AbortController();
  const done = new Reflector<Widget>({ client, resource: widgets, timing, sink }).run(stop.signal);
  await until(() => kept.length > 0);
  expect(kept).toEqual([a1]);
  stop.abort();
  await done;
});

test('a list that expires between two pages starts over', async () => {
  const { client } = await fakeApi([
    refuse(422),
    (response) => void response.end(page(9, [a1], 'next')),
    refuse(410),
    (response) => void response.end(page(12, [widget('b', 11)])),
    open(bookmark(13)),
  ]);
  const { seen } = reflect(client);
  await until(() => seen.size > 0);
  expect([...seen.keys()]).toEqual(['default/b']);
});

test('a page too large to hold is asked for again in smaller ones', async () => {
  const big = JSON.stringify({ items: [], padding: 'x'.repeat(65 * 1024 * 1024) });
  const { client, requests } = await fakeApi([
    refuse(422),
    (response) => void response.end(big),
    (response) => void response.end(page(9, [a1])),
    open(bookmark(10)),
  ]);
  const { seen } = reflect(client, { pageSize: 500 });
  await until(() => seen.size > 0);
  expect(requests.slice(1, 3).map(({ query }) => query.get('limit'))).toEqual(['500', '125']);
});

test.each([429, 503])('after %i the server names the pause', async (code) => {
  const { client, requests } = await fakeApi([
    (response) => void response.end(stream(5, a1)),
    refuse(code, { 'retry-after': '1' }),
    open(event('ADDED', widget('b', 6))),
  ]);
  const { seen, waits } = reflect(client);
  await until(() => seen.has('default/b'));
  expect(waits[0]).toBeGreaterThanOrEqual(1000);
  expect(startsAt(requests).slice(0, 3)).toEqual([null, '5', '5']);
});

test('401 reads the credentials again and goes on at once', async () => {
  let token = 'old';
  const invalidate = () => {
    token = 'new';
  };
  const config = { headers: () => ({ authorization: token }), invalidate };
  const guarded =
    (body: string): Step =>
    (response, request) =>
      void (request.headers.authorization === 'new' ? response.write(body) : refuse(401)(response, request));
  const { client, requests } = await fakeApi([guarded(''), guarded(stream(5, a1))], config);
  const { seen, errors } = reflect(client);
  await until(() => seen.size === 1);
  expect(requests.map(({ headers }) => headers.authorization)).toEqual(['old', 'new']);
  expect(errors).toEqual([]);
});

test('a line cut by the end of the stream is never taken for an event', async () => {
  const cut = event('ADDED', widget('c', 9)).slice(0, -20);
  const { client, requests } = await fakeApi([
    (response) => void response.end(stream(5, a1) + cut),
    open(event('ADDED', widget('b', 6))),
  ]);
  const { seen, errors } = reflect(client);
  await until(() => seen.has('default/b'));
  expect(errors[0]?.reason).toBe('Truncated');
  expect(startsAt(requests).slice(0, 2)).toEqual([null, '5']);
});

test.each([
  ['no JSON', 'garbage\n'],
  ['JSON of another shape', '[1]\n'],
  ['null', 'null\n'],
  ['an unknown type', event('MAGIC', widget('x', 9))],
  ['no version', event('ADDED', { metadata: { name: 'x' } })],
  ['no name', event('ADDED', { metadata: { resourceVersion: '9' } })],
  ['no object', event('ADDED', null)],
])('a line that is %s is answered by a new list', async (_, line) => {
  const { client, requests } = await fakeApi([
    (response) => void response.end(stream(5, a1) + line),
    open(stream(9, widget('b', 6))),
  ]);
  const { seen, errors } = reflect(client);
  await until(() => seen.has('default/b'));
  expect(errors[0]?.reason).toBe('Malformed');
  expect(startsAt(requests).slice(0, 2)).toEqual([null, null]);
});

test('a sink that throws loses that object only', async () => {
  const poison = widget('p', 6, { data: 'poison' });
  const { client, requests } = await fakeApi([
    open(stream(5, a1), event('ADDED', poison), event('ADDED', widget('b', 7))),
  ]);
  const { seen, thrown } = reflect(client, { idleMs: 5_000 });
  await until(() => seen.has('default/b'));
  expect(thrown).toEqual([new Error('handler broke')]);
  expect(requests).toHaveLength(1);
});

test('a resume that the server keeps refusing ends in a list', async () => {
  const { client, requests } = await fakeApi([
    (response) => void response.end(stream(5, a1)),
    ...Array.from({ length: 5 }, () => refuse(500)),
    open(stream(30, widget('b', 20))),
  ]);
  const { seen } = reflect(client);
  await until(() => seen.has('default/b'));
  expect(startsAt(requests)).toEqual([null, '5', '5', '5', '5', '5', null]);
});

test('a streaming list that keeps breaking off is taken in pages once', async () => {
  const { client, requests } = await fakeApi([
    ...Array.from({ length: 3 }, (): Step => (response) => void response.end(event('ADDED', a1))),
    (response) => void response.end(page(9, [a1])),
    (response) => void response.end(event('ERROR', { code: 410 })),
    open(stream(12, a1)),
  ]);
  const { lists, seen } = reflect(client);
  await until(() => lists() === 2);
  expect(requests[3]?.query.has('limit')).toBe(true);
  expect(requests[5]?.query.get('sendInitialEvents')).toBe('true');
  expect(seen.size).toBe(1);
});

test('it is deaf while no watch lives, and hears again after', async () => {
  const clock = { now: 0 };
  let answer: Step = refuse(403);
  const { client } = await fakeApi([(response, request) => answer(response, request)]);
  const stop = new AbortController();
  const sink = { replace() {}, upsert() {}, remove() {} };
  const timing = { baseDelayMs: 1, maxDelayMs: 5, deafAfterMs: 1_000 };
  const reflector = new Reflector<Widget>({ client, resource: widgets, timing, sink, now: () => clock.now });
  const done = reflector.run(stop.signal);
  expect(reflector.isDeaf()).toBe(false);
  clock.now = 2_000;
  expect(reflector.isDeaf()).toBe(true);
  answer = open(stream(5, a1));
  await until(() => !reflector.isDeaf());
  expect(reflector.resourceVersion).toBe('5');
  stop.abort();
  await done;
  clock.now = 9_000;
  expect(reflector.isDeaf()).toBe(true);
});

test('nothing is asked after the stop, even when it comes during a pause', async () => {
  const { client, requests } = await fakeApi([refuse(500)]);
  const { stop, done, errors } = reflect(client, { baseDelayMs: 60_000, maxDelayMs: 60_000 });
  await until(() => errors.length === 1);
  stop.abort();
  await done;
  expect(requests).toHaveLength(1);
});

test('a list can be asked for at any time', async () => {
  const { client, requests } = await fakeApi([open(stream(5, a1)), open(stream(9, widget('b', 8)))]);
  const { reflector, seen, errors } = reflect(client, { idleMs: 5_000 });
  await until(() => seen.size === 1);
  reflector.relist();
  await until(() => seen.has('default/b'));
  expect(startsAt(requests)).toEqual([null, null]);
  expect(errors).toEqual([]);
});

test('a list that a handler asks for is taken, whatever else has come by then', async () => {
  const both = event('ADDED', widget('b', 6, { data: 'relist' })) + event('ADDED', widget('c', 7));
  const { client, requests } = await fakeApi([open(stream(5, a1), both), open(stream(9, a1))]);
  reflect(client, { idleMs: 5_000 });
  await until(() => requests.length === 2);
  expect(startsAt(requests)).toEqual([null, null]);
});
