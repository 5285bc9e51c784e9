import { expect, test } from 'vitest';
import type { KubeClient } from '../../../../src/kube/client/client.ts';
import type { Pod } from '../../../../src/kube/objects.ts';
import type { Ask } from '../../../../src/operator/inquiry/agenda.ts';
import { withoutReplaced } from '../../../../src/operator/inquiry/restore.ts';
import type { Snapshot } from '../../../../src/operator/judge/snapshot.ts';
import type { Applied } from '../../../../src/operator/reconcile/apply.ts';
import { type Edges, reconcile } from '../../../../src/operator/reconcile/reconcile.ts';
import { answered, evidence, now, pod, settings } from '../kit/builders.ts';
import type { Label } from '../kit/given.ts';
import { tell } from '../kit/tell.ts';

const before = pod('weather-0', { labelled: true });
/** The same pod with its old marks, after one of its containers was replaced. */
const after: Pod = { ...before, status: { ...before.status, containerStatuses: [{ name: 'a', containerID: 'c2' }] } };

/** What is seen of an agent that proved itself, by the pods that wear the label. */
function seen(labelled: Readonly<Record<string, Label>>): Snapshot {
  const enforcement = { settings: { enforcement: 'off' } } as const;
  return tell({ ...enforcement, labelled }, tell(enforcement)).snapshot;
}

/** One reconcile; what it did, in order. */
async function run(snapshot: Snapshot, actual: Pod) {
  const did: string[] = [];
  let applied: Applied | undefined;
  const client = {
    get: async () => actual,
    create: async () => ({}),
    patch: async (_: unknown, key: string, body: { metadata: { labels?: object } }) => {
      did.push(body.metadata.labels === undefined ? 'status' : `marks ${key}`);
      return { metadata: {} };
    },
  } as unknown as KubeClient;
  const edges: Edges = {
    client,
    lastWritten: new Map(),
    now: () => now,
    snapshot: () => snapshot,
    takeCard: () => {},
    takePolicy: () => {},
    takeMark: () => {},
    record: () => {},
    ask: (asks: readonly Ask[]) => did.push(...asks.map(({ endpoint }) => `ask ${endpoint.podName}`)),
    keep: (_, what) => {
      applied = what;
    },
    forget: async () => {},
  };
  const result = await reconcile('team/weather', { ...settings, enforcement: 'off' }, edges);
  return { did, result, replaced: applied?.replaced };
}

test('a pod with another container loses its label before it is asked, and is asked though nothing else is new', async () => {
  const { did } = await run(seen({ 'weather-0': 'replaced' }), after);
  expect(did).toEqual(['marks team/weather-0', 'ask weather-0']);
});

test('evidence of a pod without label is void once the pod is seen with another container: looked at again at once', async () => {
  const { did, result, replaced } = await run(seen({}), after);
  expect(replaced).toEqual(['weather-0-uid']);
  expect(did).toEqual([]);
  expect(result).toEqual({ requeueAfterMs: 0 });
});

test('the same containers keep evidence and label', async () => {
  const { did, replaced } = await run(seen({ 'weather-0': 'fits' }), before);
  expect(replaced).toEqual([]);
  expect(did).not.toContain('marks team/weather-0');
  const known = { ...evidence(answered('weather-0')), complete: true };
  expect(withoutReplaced(known, [before])).toBe(known);
});

test('a container that was replaced in one pod says nothing of the others', () => {
  const known = evidence(answered('weather-0'), answered('weather-1'));
  const kept = withoutReplaced(known, [after, pod('weather-1', { labelled: true })]);
  expect([...kept.pods.keys()]).toEqual(['weather-1-uid']);
});
