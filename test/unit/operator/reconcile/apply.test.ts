import { describe, expect, test } from 'vitest';
import { ApiError, type KubeClient } from '../../../../src/kube/client/client.ts';
import type { KubeObject, NetworkPolicy } from '../../../../src/kube/objects.ts';
import { identityLabel } from '../../../../src/operator/api/labels.ts';
import { ownerOf } from '../../../../src/operator/network/policy.ts';
import { apply } from '../../../../src/operator/reconcile/apply.ts';
import type { Plan } from '../../../../src/operator/reconcile/plan.ts';
import { type Edges, reconcile } from '../../../../src/operator/reconcile/reconcile.ts';
import type { StatusFields } from '../../../../src/operator/reconcile/status.ts';
import type { Note } from '../../../../src/operator/reconcile/transitions.ts';
import type { Settings } from '../../../../src/operator/settings/settings.ts';
import { containersHash } from '../../../../src/operator/workload/pod.ts';
import { expectedId, impostor, pod, settings } from '../kit/builders.ts';
import type { Given } from '../kit/given.ts';
import { tell } from '../kit/tell.ts';

const proven: Given = { pods: { 'weather-0': { answers: {} } } };
const guilty: Given = { after: 1, pods: { 'weather-0': { answers: { id: impostor } } } };

interface Options {
  /** Calls that the API server refuses, by their text. */
  readonly refuse?: Readonly<Record<string, number>>;
  /** In these words. */
  readonly saying?: string;
  readonly there?: NetworkPolicy;
  /** What an earlier run wrote. */
  readonly stored?: StatusFields | undefined;
  readonly settings?: Partial<Settings>;
}

/** One reconcile against an API server that answers as told; every call is written down. */
async function run(
  given: Given,
  before: Given | undefined,
  { refuse = {}, saying = 'no', there, stored, ...more }: Options = {},
) {
  const { snapshot: seen, at } = tell(given, before === undefined ? undefined : tell(before));
  const fields = Object.entries({ ...seen.card.status, ...stored }).filter(([, value]) => value !== null);
  const snapshot = { ...seen, card: { ...seen.card, status: Object.fromEntries(fields) as StatusFields } };
  const calls: string[] = [];
  const observed: string[] = [];
  const notes: Note[] = [];
  let status: StatusFields | undefined;
  const call = (text: string) => {
    calls.push(text);
    const code = refuse[text];
    if (code !== undefined) throw new ApiError(code, code === 409 ? 'AlreadyExists' : 'Forbidden', saying);
  };
  const client = {
    create: async (_: unknown, object: KubeObject) => {
      call(`create ${object.metadata.name}`);
      return object;
    },
    delete: async (_: unknown, key: string) => call(`delete ${key}`),
    get: async (_: unknown, key: string) => (key.includes('policy') ? there : pod('weather-0')),
    patch: async (_: unknown, key: string, body: { status?: StatusFields }, { subresource = '' }) => {
      call(`patch ${key}${subresource && '/'}${subresource}`);
      if (subresource === 'status') status = body.status;
      return { metadata: { name: key.split('/')[1] ?? '', namespace: 'team', resourceVersion: '2' } };
    },
  } as unknown as KubeClient;
  const edges: Edges = {
    client,
    lastWritten: new Map(),
    now: () => at,
    snapshot: () => snapshot,
    takeCard: () => {},
    takePolicy: ({ metadata }) => void observed.push(metadata.name),
    takeMark: () => {},
    record: (_, note) => void notes.push(note),
    ask: () => {},
    keep: () => {},
    forget: async () => {},
  };
  const failure = await reconcile('team/weather', { ...settings, ...more.settings }, edges).then(
    () => undefined,
    (error: Error) => error.message,
  );
  const says = (type: string) => {
    const found = status?.conditions?.find((condition) => condition.type === type);
    return found && `${found.status} ${found.reason}`;
  };
  const message = (type: string) => status?.conditions?.find((condition) => condition.type === type)?.message;
  return { calls, observed, notes, failure, says, message, status: status as StatusFields | undefined };
}

describe('the order of writes', () => {
  test('tightens by the policy first, then the label, the status last', async () => {
    const { calls } = await run(guilty, proven);
    expect(calls).toEqual(['patch team/weather-signature-policy', 'patch team/weather-0', 'patch team/weather/status']);
  });

  test('loosens by the policy first as well, the label last but the status', async () => {
    const { calls } = await run({ ...proven, after: 1 }, guilty);
    expect(calls).toEqual(['patch team/weather-signature-policy', 'patch team/weather-0', 'patch team/weather/status']);
  });

  test('one flip costs three writes, and nothing when nothing happened', async () => {
    expect((await run(guilty, proven)).calls).toHaveLength(3);
    expect((await run(guilty, guilty)).calls).toEqual([]);
  });
});

test('a policy that changes hands is no echo of ours: it wakes the card that takes it', async () => {
  const older = {
    metadata: { name: 'older', namespace: 'team', uid: 'o', creationTimestamp: '2025-01-01T00:00:00Z' },
    spec: { syncPeriod: '5m' },
  };
  const { calls, observed } = await run({ ...proven, after: 1, siblings: [older], labelled: {} }, proven);
  expect(calls).toEqual(['patch team/weather-signature-policy', 'patch team/weather/status']);
  expect(observed).toEqual([]);
  expect((await run(guilty, proven)).observed).toEqual(['weather-signature-policy']);
});

describe('what the API server refuses', () => {
  test('a refused policy is named in no status, and labels are still taken off', async () => {
    const refuse = { 'patch team/weather-signature-policy': 403 };
    const { calls, says, status, failure, notes } = await run(guilty, proven, { refuse });
    expect(calls).toContain('patch team/weather-0');
    expect(says('Enforced')).toBe('False PolicyPending');
    expect(status?.policy).toBeNull();
    expect(failure).toContain('NetworkPolicy weather-signature-policy was refused: no');
    expect(notes.map(({ reason }) => reason)).toContain('PolicyPending');
    expect(notes.map(({ reason }) => reason)).not.toContain('PolicyApplied');
  });

  test('is told in its words, on one line that draws nothing elsewhere, and short', async () => {
    const refuse = { 'patch team/weather-signature-policy': 403 };
    const saying = `webhook "guard" denied it:\n\u001b[2J\u202e${'because '.repeat(500)}`;
    const { message } = await run(guilty, proven, { refuse, saying });
    expect(message('Enforced')).toMatch(
      /^NetworkPolicy weather-signature-policy was refused: webhook "guard" denied it: \[2J/,
    );
    expect(message('Enforced')).toMatch(/… ?\. Mend what stands in the way; it is tried again by itself\.$/);
    expect(message('Enforced')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(message('Enforced')?.length).toBeLessThan(600);
  });

  test('is no news while only a port or a version in its words is another one', async () => {
    const refuse = { 'patch team/weather-signature-policy': 403 };
    const words = (port: number, why = 'i/o timeout') => `read tcp 10.0.0.1:${port}->10.0.0.2:443: ${why}.`;
    const { status: stored, message } = await run(guilty, proven, { refuse, saying: words(40_001) });
    expect(message('Enforced')).toContain('10.0.0.1:40001->10.0.0.2:443: i/o timeout. Mend');
    const again = (saying: string) => run(guilty, proven, { refuse, saying, stored });
    expect((await again(words(50_002))).status).not.toHaveProperty('conditions');
    expect((await again(words(50_002, 'refused'))).message('Enforced')).toContain(
      '10.0.0.1:50002->10.0.0.2:443: refused.',
    );
  });

  test('a refused label is said where the policy is', async () => {
    const { says, failure } = await run(proven, undefined, { refuse: { 'patch team/weather-0': 403 } });
    expect(says('Enforced')).toBe('False PolicyPending');
    expect(failure).toContain('Pod weather-0 could not be marked: no');
  });

  test('a status that the API server refuses is told by nobody', async () => {
    const { notes, failure } = await run(proven, undefined, { refuse: { 'patch team/weather/status': 409 } });
    expect(notes).toEqual([]);
    expect(failure).toBe('no');
  });
});

describe('a name that is taken', () => {
  const taken = (uid: string | undefined): NetworkPolicy => ({
    metadata: {
      name: 'weather-signature-policy',
      namespace: 'team',
      uid: 'their-uid',
      ...(uid === undefined ? {} : { ownerReferences: [ownerOf({ name: 'weather', uid })] }),
    },
    spec: { podSelector: {} },
  });
  const refuse = { 'create weather-signature-policy': 409 };

  test('a policy of our own card, which the cache has not seen yet, is adopted', async () => {
    const { calls, says } = await run(proven, undefined, { refuse, there: taken('card-uid') });
    expect(calls.slice(0, 2)).toEqual(['create weather-signature-policy', 'patch team/weather-signature-policy']);
    expect(says('Enforced')).toBe('True PolicyApplied');
  });

  test.each([
    ['nobody', undefined],
    ['an earlier card of the name', 'old-card-uid'],
  ])('a policy of %s is left alone', async (_, uid) => {
    const { calls, says } = await run(proven, undefined, { refuse, there: taken(uid) });
    expect(calls).not.toContain('patch team/weather-signature-policy');
    expect(says('Enforced')).toBe('False PolicyPending');
  });
});

describe('the label of a pod that proved itself', () => {
  const proven = { attested: containersHash(pod('weather-0')), identity: expectedId };
  const mark = { podName: 'weather-0', podUid: 'weather-0-uid', proven, resourceVersion: '5' };

  async function label(versionNow: string, now = pod('weather-0')) {
    const calls: string[] = [];
    const client = {
      get: async () => {
        calls.push('get');
        return { ...now, metadata: { ...now.metadata, resourceVersion: versionNow } };
      },
      patch: async (_: unknown, __: string, { metadata: { resourceVersion } }: Pick<KubeObject, 'metadata'>) => {
        calls.push(`patch ${resourceVersion}`);
        if (resourceVersion !== versionNow) throw new ApiError(409, 'Conflict', 'changed');
        return now;
      },
    } as unknown as KubeClient;
    const plan = { marks: [mark], policy: { operations: [] } } as unknown as Plan;
    const { markFailures } = await apply(plan, 'team', { client, takePolicy: () => {}, takeMark: () => {} });
    return { calls, markFailures };
  }

  test('goes on the version that was read before it was asked, without another read', async () => {
    expect(await label('5')).toEqual({ calls: ['patch 5'], markFailures: [] });
  });

  test('goes on a version read anew when the pod has changed since', async () => {
    expect(await label('6')).toEqual({ calls: ['patch 5', 'get', 'patch 6'], markFailures: [] });
  });

  test('is not put on a pod that wears the whole set since, but on one of which a part is of other proofs', async () => {
    const marked = pod('weather-0', { labelled: true });
    expect(await label('6', marked)).toEqual({ calls: ['patch 5', 'get'], markFailures: [] });
    const { [identityLabel]: _, ...labels } = marked.metadata.labels ?? {};
    const parts = [
      { ...marked, metadata: { ...marked.metadata, labels } },
      pod('weather-0', { labelled: true, attested: 'another' }),
      pod('weather-0', { labelled: true, identity: 'spiffe://example.org/ns/team/sa/other' }),
    ];
    for (const part of parts) {
      expect(await label('6', part)).toEqual({ calls: ['patch 5', 'get', 'patch 6'], markFailures: [] });
    }
  });
});

test('a list of callers is not said to be held while the API server refuses its policy', async () => {
  const listing = (...names: string[]) => ({
    card: { spec: { callers: names.map((name) => ({ serviceAccount: { name } })) } as never },
  });
  const refuse = { 'patch team/weather-signature-policy': 403, 'create weather-signature-policy': 403 };
  const created = await run({ ...proven, ...listing('a') }, undefined, { refuse });
  expect(created.says('CallersEnforced')).toBe('False NotEnforceable');
  expect(created.notes.map(({ reason }) => reason)).not.toContain('Enforced');
  const narrowed = await run({ ...proven, ...listing('a') }, { ...proven, ...listing('a', 'b') }, { refuse });
  expect(narrowed.says('CallersEnforced')).toBe('False NotEnforceable');
});
