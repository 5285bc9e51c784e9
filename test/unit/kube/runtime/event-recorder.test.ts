import { expect, test } from 'vitest';
import { EventRecorder, type RecorderOptions } from '../../../../src/kube/runtime/event-recorder.ts';
import { fakeApi, refuse, type Step, until, widget } from '../fake-api.ts';

const accept: Step = (response, request) => void response.end(request.body);
const happened = {
  regarding: widget('a', 7),
  type: 'Warning',
  reason: 'Broken',
  action: 'Dial',
  note: 'it broke',
} as const;

async function rig(script: readonly Step[] = [accept], options: Partial<RecorderOptions> = {}) {
  const { client, requests } = await fakeApi(script);
  const fates: string[] = [];
  const settings = { client, controller: 'agent.kagenti.dev/operator', instance: 'pod-1', paceMs: 0 };
  const recorder = new EventRecorder({ ...settings, onFate: (fate) => fates.push(fate), ...options });
  const bodies = () => requests.map(({ body }) => JSON.parse(body));
  return { recorder, requests, fates, bodies, client };
}

test('an Event is written as events.k8s.io/v1 wants it', async () => {
  const { recorder, requests, bodies } = await rig([accept], { now: () => Date.UTC(2030, 0) });
  recorder.record(happened);
  await recorder.flush(5_000);
  expect(requests[0]).toMatchObject({ method: 'POST', url: '/apis/events.k8s.io/v1/namespaces/default/events' });
  expect(bodies()[0]).toEqual({
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: expect.stringMatching(/^a\.[0-9a-f]{16}$/), namespace: 'default' },
    eventTime: '2030-01-01T00:00:00.000000Z',
    reportingController: 'agent.kagenti.dev/operator',
    reportingInstance: 'pod-1',
    regarding: {
      apiVersion: 'v1',
      kind: 'Widget',
      name: 'a',
      namespace: 'default',
      uid: 'uid-a',
      resourceVersion: '7',
    },
    type: 'Warning',
    reason: 'Broken',
    action: 'Dial',
    note: 'it broke',
  });
});

test('repetitions are counted on their Event, several at once in one write', async () => {
  const { recorder, requests, bodies } = await rig();
  recorder.record(happened);
  await recorder.flush(5_000);
  for (let i = 0; i < 5; i++) recorder.record(happened);
  await recorder.flush(5_000);
  expect(requests.map(({ method }) => method)).toEqual(['POST', 'PATCH']);
  expect(requests[1]?.url).toContain(bodies()[0].metadata.name);
  expect(bodies()[1]).toEqual({ series: { count: 6, lastObservedTime: expect.stringMatching(/Z$/) } });
});

test.each([
  ['note', { note: 'it broke differently' }],
  ['object', { regarding: widget('b', 1) }],
  ['object of the same name', { regarding: widget('a', 9, { uid: 'second' }) }],
  ['reason', { reason: 'Other' }],
])('another %s is another Event', async (_, other) => {
  const { recorder, requests } = await rig();
  recorder.record(happened);
  recorder.record({ ...happened, ...other });
  await recorder.flush(5_000);
  expect(requests.map(({ method }) => method)).toEqual(['POST', 'POST']);
});

test('after ten quiet minutes a repetition is a new Event', async () => {
  const clock = { now: 0 };
  const { recorder, requests } = await rig([accept], { now: () => clock.now });
  for (const minute of [0, 9, 20]) {
    clock.now = minute * 60_000;
    recorder.record(happened);
    await recorder.flush(5_000);
  }
  expect(requests.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST']);
});

test('a series whose Event has expired starts again', async () => {
  const { recorder, requests, fates } = await rig([accept, refuse(404), accept]);
  recorder.record(happened);
  await recorder.flush(5_000);
  recorder.record(happened);
  await recorder.flush(5_000);
  expect(requests.map(({ method }) => method)).toEqual(['POST', 'PATCH', 'POST']);
  expect(fates).toEqual(['written', 'written']);
});

test.each([
  [403, 1],
  [404, 1],
  [500, 3],
])('after %i it is tried %i times and then dropped', async (code, tries) => {
  const { recorder, requests, fates } = await rig([refuse(code)]);
  recorder.record(happened);
  await recorder.flush(5_000);
  expect(requests).toHaveLength(tries);
  expect(fates).toEqual(['dropped']);
});

test('a replica that does not lead writes none', async () => {
  const { recorder, requests, fates, client } = await rig();
  client.fence = () => false;
  recorder.record(happened);
  await recorder.flush(5_000);
  expect([requests.length, fates]).toEqual([0, ['dropped']]);
});

test('a flood is dropped beyond what can be kept', async () => {
  const { recorder, fates } = await rig([accept], { paceMs: 60_000 });
  for (let i = 0; i < 10_000; i++) recorder.record({ ...happened, note: `n${i}` });
  await until(() => fates.includes('written'));
  expect(fates.filter((fate) => fate === 'dropped')).toHaveLength(10_000 - 512);
});

test("a flood of one namespace drops none of another's, and lets it wait for two turns", async () => {
  const { recorder, bodies, fates } = await rig();
  for (let i = 0; i < 600; i++) recorder.record({ ...happened, note: `n${i}` });
  recorder.record({ ...happened, regarding: { ...widget('b', 1), metadata: { name: 'b', namespace: 'other' } } });
  await recorder.flush(5_000);
  expect(bodies().findIndex(({ metadata }) => metadata.namespace === 'other')).toBeLessThanOrEqual(2);
  expect(fates.filter((fate) => fate === 'dropped')).toHaveLength(600 - 512);
});

test('what happens first to an object goes before what else happens to others of its namespace, and is dropped for none of it', async () => {
  const { recorder, bodies, fates } = await rig();
  for (let i = 0; i < 600; i++) recorder.record({ ...happened, regarding: widget(`w${i % 100}`, 1), note: `n${i}` });
  recorder.record({ ...happened, regarding: widget('victim', 1), reason: 'IdentityMismatch' });
  expect(fates.filter((fate) => fate === 'dropped')).toHaveLength(601 - 512);
  await recorder.flush(5_000);
  expect(bodies().findIndex(({ reason }) => reason === 'IdentityMismatch')).toBe(100);
  expect(bodies()).toHaveLength(512);
  // Later it is as new as ever.
  recorder.record({ ...happened, regarding: widget('victim', 1), reason: 'IdentityMismatch', note: 'another' });
  await recorder.flush(5_000);
  expect(bodies()).toHaveLength(513);
});

test('however many namespaces flood, what is kept is bounded, and one that floods not is heard', async () => {
  const { recorder, fates, bodies } = await rig([accept], { paceMs: 60_000 });
  const happenedIn = (namespace: string, note: string) =>
    recorder.record({ ...happened, note, regarding: { ...widget('b', 1), metadata: { name: 'b', namespace } } });
  for (let space = 0; space < 20; space++) for (let i = 0; i < 600; i++) happenedIn(`n${space}`, `${i}`);
  happenedIn('quiet', 'heard');
  expect(fates.filter((fate) => fate === 'dropped')).toHaveLength(20 * 600 - 8 * 512 - 12 * 8);
  await recorder.flush(5_000);
  expect(bodies().some(({ metadata }) => metadata.namespace === 'quiet')).toBe(true);
});

test('a flush gives up when its time is over', async () => {
  const { recorder, requests } = await rig([() => {}]);
  recorder.record(happened);
  await recorder.flush(20);
  expect(requests.length).toBeLessThanOrEqual(1);
});

test('a long note is cut between characters, a long name leaves room for the suffix', async () => {
  const { recorder, bodies } = await rig();
  recorder.record({ ...happened, regarding: widget('x'.repeat(253), 1), note: 'é'.repeat(2_000) });
  await recorder.flush(5_000);
  const [{ note, metadata }] = bodies();
  expect(Buffer.byteLength(note)).toBeLessThanOrEqual(1_024);
  expect(note).toMatch(/^é+…$/);
  expect(metadata.name.length).toBeLessThanOrEqual(253);
});
