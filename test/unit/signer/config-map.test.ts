import { expect, test } from 'vitest';
import type { ConfigMap } from '../../../src/kube/objects.ts';
import type { Informer } from '../../../src/kube/watch/informer.ts';
import { signedCardReader } from '../../../src/operator/inquiry/dial/signed-card.ts';
import { writeConfigMap } from '../../../src/signer/config-map.ts';
import { fakeApi, refuse, type Step } from '../kube/fake-api.ts';

const place = { agent: 'weather', namespace: 'team1', pod: { name: 'weather-1', uid: 'uid-1' } };
const owner = (name: string, uid: string) => ({
  ...{ apiVersion: 'v1', kind: 'Pod', name, uid },
  ...{ controller: false, blockOwnerDeletion: false },
});
const answer =
  (object: unknown): Step =>
  (response) =>
    void response.end(JSON.stringify(object));
const existing = (ownerReferences: unknown[], resourceVersion = '7') => ({
  metadata: { name: 'weather-card-signed', namespace: 'team1', uid: 'uid-map', resourceVersion, ownerReferences },
});
const never = new AbortController().signal;

async function write(script: readonly Step[], pod: typeof place.pod | undefined = place.pod) {
  const { client, requests } = await fakeApi(script);
  const result = await writeConfigMap(client, { ...place, pod }, 'signed', never).catch((error: unknown) => error);
  return { result, requests, bodies: requests.map(({ body }) => (body === '' ? undefined : JSON.parse(body))) };
}

test('a new ConfigMap carries the card, the label and the pod as an owner that controls nothing', async () => {
  const { result, requests, bodies } = await write([refuse(404), answer({})]);
  expect(result).toBe('team1/weather-card-signed');
  expect(requests[1]).toMatchObject({
    method: 'POST',
    url: '/api/v1/namespaces/team1/configmaps?fieldManager=agentcard-signer',
  });
  expect(bodies[1]).toEqual({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'weather-card-signed',
      namespace: 'team1',
      labels: { 'agent.kagenti.dev/card': 'true' },
      ownerReferences: [owner('weather-1', 'uid-1')],
    },
    data: { 'signed-agent-card.json': 'signed' },
  });
});

test('an existing ConfigMap is applied with the owners that it has, at the version that was read', async () => {
  const others = [owner('weather-2', 'uid-2'), owner('weather-1', 'uid-1')];
  const { requests, bodies } = await write([answer(existing(others)), answer({})]);
  expect(requests[1]).toMatchObject({ method: 'PATCH' });
  expect(requests[1]?.headers['content-type']).toBe('application/apply-patch+yaml');
  expect(Object.fromEntries(requests[1]?.query ?? [])).toEqual({ fieldManager: 'agentcard-signer', force: 'true' });
  expect(bodies[1].metadata).toMatchObject({ uid: 'uid-map', resourceVersion: '7' });
  expect(bodies[1].metadata.ownerReferences).toEqual([owner('weather-2', 'uid-2'), owner('weather-1', 'uid-1')]);
});

test('a pod that was overtaken looks again and keeps the other as an owner', async () => {
  const script = [refuse(404), refuse(409), answer(existing([owner('weather-2', 'uid-2')])), answer({})];
  const { result, bodies } = await write(script);
  expect(result).toBe('team1/weather-card-signed');
  expect(bodies[3].metadata.ownerReferences).toEqual([owner('weather-2', 'uid-2'), owner('weather-1', 'uid-1')]);
});

test('a ConfigMap that goes between look and write is made anew', async () => {
  const script = [answer(existing([])), refuse(404), refuse(404), answer({})];
  const { result, requests } = await write(script);
  expect(result).toBe('team1/weather-card-signed');
  expect(requests.map(({ method }) => method)).toEqual(['GET', 'PATCH', 'GET', 'POST']);
});

test('it gives up after ten conflicts, and at once when it may not', async () => {
  const conflicts = await write([answer(existing([])), ...Array(30).fill(refuse(409))].flatMap((step) => [step]));
  expect(conflicts.result).toMatchObject({ code: 409 });
  const forbidden = await write([refuse(403)]);
  expect(forbidden.result).toMatchObject({ code: 403 });
  expect(forbidden.requests).toHaveLength(1);
});

test('the operator reads what the signer writes', async () => {
  const { bodies } = await write([refuse(404), answer({})]);
  const watched = { get: (key: string) => (key === 'team1/weather-card-signed' ? bodies[1] : undefined) };
  const { client } = await fakeApi([refuse(404)]);
  const read = signedCardReader(client, watched as unknown as Informer<ConfigMap>);
  const workload = { namespace: 'team1', name: 'weather' } as Parameters<typeof read>[0];
  expect(Buffer.from((await read(workload)) ?? []).toString()).toBe('signed');
});

test('a card too long to be kept is read when it is needed', async () => {
  const kept = { get: () => ({ metadata: { name: 'weather-card-signed' } }) } as unknown as Informer<ConfigMap>;
  const { client, requests } = await fakeApi([
    answer({ metadata: { name: 'weather-card-signed' }, data: { 'agent-card.json': 'long' } }),
  ]);
  const read = signedCardReader(client, kept);
  const workload = { namespace: 'team1', name: 'weather' } as Parameters<typeof read>[0];
  expect(Buffer.from((await read(workload)) ?? []).toString()).toBe('long');
  expect(requests).toHaveLength(1);
});
