import { expect, test } from 'vitest';
import { type ApiError, KubeClient, resourcePath } from '../../../../src/kube/client/client.ts';
import { resources } from '../../../../src/kube/objects.ts';
import { fakeApi, page, refuse, type Step, status, until, widget, widgets } from '../fake-api.ts';

const answer =
  (body: unknown): Step =>
  (response) =>
    void response.end(JSON.stringify(body));
const failure = (promise: Promise<unknown>): Promise<ApiError> =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: ApiError) => error,
  );

test.each([
  [resourcePath(resources.pods, 'a', 'b'), '/api/v1/namespaces/a/pods/b'],
  [resourcePath(resources.pods), '/api/v1/pods'],
  [resourcePath(resources.deployments, 'a', 'b', 'status'), '/apis/apps/v1/namespaces/a/deployments/b/status'],
  [resourcePath(resources.namespaces, undefined, 'a'), '/api/v1/namespaces/a'],
  [resourcePath(resources.pods, 'a', '../../secrets'), '/api/v1/namespaces/a/pods/..%2F..%2Fsecrets'],
])('an object has the path %s, and its name never leaves it', (path, expected) => {
  expect(path).toBe(expected);
});

test('a key that does not fit the scope of the resource is refused before anything is sent', async () => {
  const { client, requests } = await fakeApi([answer({})]);
  await expect(client.get(widgets, 'no-namespace')).rejects.toThrow(TypeError);
  await expect(client.get(resources.namespaces, 'a/b')).rejects.toThrow(TypeError);
  expect(requests).toEqual([]);
});

test('what does not exist is undefined, other refusals are errors with code and reason', async () => {
  const { client } = await fakeApi([refuse(404), refuse(403), answer(widget('a', 1))]);
  expect(await client.get(widgets, 'default/a')).toBeUndefined();
  expect(await failure(client.get(widgets, 'default/a'))).toMatchObject({ code: 403, reason: 'Fake403' });
  expect(await client.get(widgets, 'default/a')).toEqual(widget('a', 1));
});

test('an error message is short and holds no control characters', async () => {
  const { client } = await fakeApi([refuse(400, {}, status(400, { message: `a\u001b[31m\n${'x'.repeat(10_000)}` }))]);
  const { message } = await failure(client.get(widgets, 'default/a'));
  expect(message.length).toBeLessThan(600);
  expect(message).not.toMatch(/\p{Cc}/u);
});

test('a list follows its pages', async () => {
  const { client, requests } = await fakeApi([
    (response) => void response.end(page(7, [widget('a', 1)], 'more/+')),
    (response) => void response.end(page(7, [widget('b', 2)])),
  ]);
  const { items, resourceVersion } = await client.list(widgets, { namespace: 'default', labelSelector: 'x=y' });
  expect(items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
  expect(resourceVersion).toBe('7');
  expect(requests[1]?.query.get('continue')).toBe('more/+');
  expect(requests[1]?.query.get('labelSelector')).toBe('x=y');
});

test.each([
  ['merge', 'application/merge-patch+json'],
  ['json', 'application/json-patch+json'],
  ['apply', 'application/apply-patch+yaml'],
] as const)('a %s patch says so', async (type, contentType) => {
  const { client, requests } = await fakeApi([answer(widget('a', 2))]);
  const options = { type, subresource: 'status', fieldManager: 'me', force: true } as const;
  await client.patch(widgets, 'default/a', { status: null }, options);
  expect(requests[0]).toMatchObject({ method: 'PATCH', body: '{"status":null}' });
  expect(requests[0]?.headers['content-type']).toBe(contentType);
  expect(requests[0]?.url).toBe('/api/v1/namespaces/default/widgets/a/status?fieldManager=me&force=true');
});

test('a delete carries its preconditions and is content with an object that is gone', async () => {
  const { client, requests } = await fakeApi([answer({}), refuse(404), refuse(409)]);
  expect(await client.delete(widgets, 'default/a', { uid: 'u', resourceVersion: '5' })).toBe(true);
  expect(JSON.parse(requests[0]?.body ?? '')).toMatchObject({ preconditions: { uid: 'u', resourceVersion: '5' } });
  expect(await client.delete(widgets, 'default/a')).toBe(false);
  expect(await failure(client.delete(widgets, 'default/a', { uid: 'other' }))).toMatchObject({ code: 409 });
});

test('no write is sent without leadership; reads and writes that need none are', async () => {
  const { client, requests } = await fakeApi([answer(widget('a', 1))]);
  client.fence = () => false;
  const writes = [
    () => client.create(widgets, widget('a', 1)),
    () => client.patch(widgets, 'default/a', {}, { type: 'merge' }),
    () => client.delete(widgets, 'default/a'),
  ];
  for (const write of writes) expect(await failure(write())).toMatchObject({ code: 0, reason: 'NotLeader' });
  expect(requests).toEqual([]);
  await client.get(widgets, 'default/a');
  await client.json({ method: 'PATCH', path: '/lease', body: {}, unfenced: true });
  expect(requests).toHaveLength(2);
});

test('leadership lost between the two tries of a write stops the second', async () => {
  let leads = true;
  const lose: Step = (response, request) => {
    leads = false;
    refuse(429, { 'retry-after': '0' })(response, request);
  };
  const { client, requests } = await fakeApi([lose, answer({})]);
  client.fence = () => leads;
  expect(await failure(client.create(widgets, widget('a', 1)))).toMatchObject({ reason: 'NotLeader' });
  expect(requests).toHaveLength(1);
});

test('leadership lost while the connection was made stops the write', async () => {
  const { client, requests } = await fakeApi([answer({})]);
  let asked = 0;
  client.fence = () => ++asked < 2;
  expect(await failure(client.create(widgets, widget('a', 1)))).toMatchObject({ code: 0, reason: 'NotLeader' });
  expect([asked, requests.length]).toEqual([2, 0]);
});

test('429 with Retry-After is tried once more, without it not', async () => {
  const { client, requests } = await fakeApi([
    refuse(429, { 'retry-after': '0' }),
    answer(widget('a', 1)),
    refuse(429),
  ]);
  expect(await client.get(widgets, 'default/a')).toBeDefined();
  expect(requests).toHaveLength(2);
  expect(await failure(client.get(widgets, 'default/a'))).toMatchObject({ code: 429, retryAfterMs: undefined });
  expect(requests).toHaveLength(3);
});

test('a long Retry-After is left to the caller', async () => {
  const { client, requests } = await fakeApi([refuse(429, { 'retry-after': '60' })]);
  expect(await failure(client.get(widgets, 'default/a'))).toMatchObject({ code: 429, retryAfterMs: 60_000 });
  expect(requests).toHaveLength(1);
});

test('401 is tried once more with fresh credentials', async () => {
  let invalidated = 0;
  const config = { headers: () => ({ authorization: `t${invalidated}` }), invalidate: () => void invalidated++ };
  const { client, requests } = await fakeApi([refuse(401)], config);
  expect(await failure(client.get(widgets, 'default/a'))).toMatchObject({ code: 401 });
  expect(requests.map(({ headers }) => headers.authorization)).toEqual(['t0', 't1']);
});

test('a read on a kept connection that the server had closed is repeated, a write is not', async () => {
  const cut: Step = (response) => void response.socket?.destroy();
  const { client, requests } = await fakeApi([answer(widget('a', 1)), cut, answer(widget('a', 1)), cut]);
  await client.get(widgets, 'default/a');
  await client.get(widgets, 'default/a');
  expect(requests).toHaveLength(3);
  expect(await failure(client.create(widgets, widget('a', 1)))).toMatchObject({ code: 0, reason: 'StaleConnection' });
  expect(requests).toHaveLength(4);
});

test.each([
  ['no headers', () => {}],
  ['half a body', (response) => void response.write('{"metadata":')],
] satisfies [string, Step][])('a server that sends %s costs no more than the time given', async (_, stall) => {
  const { client } = await fakeApi([stall]);
  expect(await failure(client.get(widgets, 'default/a', { timeoutMs: 30 }))).toMatchObject({
    code: 0,
    reason: 'Timeout',
  });
});

test('a signal ends a call at once, even before it began', async () => {
  const { client, requests } = await fakeApi([() => {}]);
  const stop = new AbortController();
  const call = failure(client.get(widgets, 'default/a', { signal: stop.signal }));
  await until(() => requests.length === 1);
  stop.abort();
  expect(await call).toMatchObject({ code: 0, reason: 'Aborted' });
  expect(await failure(client.get(widgets, 'default/a', { signal: stop.signal }))).toMatchObject({ reason: 'Aborted' });
});

test('an answer above the limit is not read to its end', async () => {
  const { client } = await fakeApi([
    (response) => {
      const more = () => response.write('x'.repeat(65_536), (error) => error ?? more());
      more();
    },
  ]);
  const call = { method: 'GET', path: '/x', maxBytes: 100_000 } as const;
  expect(await failure(client.request(call))).toMatchObject({ code: 0, reason: 'TooLarge' });
});

test('a list takes the bytes that its caller allows', async () => {
  const { client } = await fakeApi([1, 2].map(() => (response) => void response.end(page(7, [widget('a', 1)]))));
  expect((await client.listPage(widgets, { maxBytes: 1_000 })).items).toHaveLength(1);
  expect(await failure(client.listPage(widgets, { maxBytes: 10 }))).toMatchObject({ code: 0, reason: 'TooLarge' });
});

test.each(['', 'no json', '[]x', 'null', '3'])('an answer that is no JSON object (%j) is malformed', async (body) => {
  const { client } = await fakeApi([(response) => void response.end(body)]);
  expect(await failure(client.get(widgets, 'default/a'))).toMatchObject({ code: 0, reason: 'Malformed' });
});

test('a server that is not there is a failed connection', async () => {
  const { client, server } = await fakeApi([answer(widget('a', 1))]);
  await new Promise((resolve) => server.close(resolve));
  expect(await failure(client.get(widgets, 'default/a'))).toMatchObject({ code: 0, reason: 'ConnectionFailed' });
});

test('credentials that cannot be read are an error of the call', async () => {
  const headers = () => {
    throw new Error('no token');
  };
  const { client } = await fakeApi([answer({})], { headers });
  expect(await failure(client.get(widgets, 'default/a'))).toMatchObject({ code: 0, reason: 'CredentialsUnavailable' });
});

test('every request is counted, refused and broken ones too', async () => {
  const { client } = await fakeApi([answer({}), refuse(500), (response) => void response.socket?.destroy()]);
  const codes: string[] = [];
  const measured = new KubeClient(client.config, {
    telemetry: { finished: ({ code, method }) => codes.push(`${method} ${code}`) },
  });
  for (let i = 0; i < 3; i++) await measured.create(widgets, widget('a', 1)).catch(() => {});
  measured.close();
  expect(codes).toEqual(['POST 200', 'POST 500', 'POST <error>']);
});

test('the API server is told by every request who asks: the name that the program gave, else node', async () => {
  const { client, requests } = await fakeApi([answer(widget('a', 1))]);
  const named = new KubeClient(client.config, { userAgent: 'widget-controller' });
  for (const each of [client, named]) await each.get(widgets, 'default/a');
  named.close();
  expect(requests.map(({ headers }) => headers['user-agent'])).toEqual(['node', 'widget-controller']);
});

test('three hundred calls share a few connections', async () => {
  const { client, server } = await fakeApi([answer(widget('a', 1))]);
  let connections = 0;
  server.on('connection', () => connections++);
  await Promise.all(Array.from({ length: 300 }, () => client.get(widgets, 'default/a')));
  expect(connections).toBeLessThanOrEqual(16);
});

test.each([
  '{}',
  '[]',
  'null',
  '"x"',
  '{"metadata":null}',
  '{"items":{}}',
  '{"items":[null]}',
  '{"items":[{"metadata":{}}]}',
])('what is no object and no list of objects is an answer of nobody: %s', async (text) => {
  const { client } = await fakeApi([(response) => void response.end(text)]);
  expect(await failure(client.get(widgets, 'default/a'))).toMatchObject({ code: 0, reason: 'Malformed' });
  if (/items|x|null$/.test(text))
    expect(await failure(client.list(widgets))).toMatchObject({ code: 0, reason: 'Malformed' });
});

test('a time that the program gave holds for every call, whatever the call asks for', async () => {
  const { client } = await fakeApi([() => {}]);
  const hasty = new KubeClient(client.config, { timeoutMs: 20 });
  expect(await failure(hasty.listPage(widgets, { timeoutMs: 60_000 }))).toMatchObject({ reason: 'Timeout' });
  hasty.close();
  const { client: quick } = await fakeApi([answer(widget('a', 1))]);
  const patient = new KubeClient(quick.config, { timeoutMs: Number.POSITIVE_INFINITY });
  expect(await patient.get(widgets, 'default/a')).toMatchObject({ metadata: { name: 'a' } });
  patient.close();
});

test('a header that Node cannot send is a failed call', async () => {
  const { client } = await fakeApi([answer({})], { headers: () => ({ authorization: 'Bearer a\nb' }) });
  expect(await failure(client.get(widgets, 'default/a'))).toMatchObject({ reason: 'CredentialsUnavailable' });
});
