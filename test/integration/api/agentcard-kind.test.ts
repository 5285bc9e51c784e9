import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import type { AgentCardStatus } from '../../../src/operator/api/agentcard.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { kubeMinor } from '../kube-version.ts';
import { agentCard, call, cardsPath, crdPath, type Fields, installKind } from './crd-client.ts';
import { peerSpecs, peerStatus, targetRef } from './peer-cards.ts';

const definition = parse(await readFile('config/crd/agentcards.yaml', 'utf8'));
let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer();
});
afterAll(() => server?.stop());

const create = (name: string, spec: unknown) => call(server, 'POST', cardsPath, agentCard(name, spec));
const dryRun = (spec: unknown) => call(server, 'POST', `${cardsPath}?dryRun=All`, agentCard('dry', spec));
const patch = (path: string, body: unknown) => call(server, 'PATCH', `${cardsPath}/${path}`, body);

/** What another operator's definition, without rules, may have let in. */
const storedBefore: readonly [string, Fields | undefined][] = [
  ['no-spec', undefined],
  ['no-target', { syncPeriod: '30s' }],
  ['wordy-period', { targetRef, syncPeriod: 'whenever' }],
  ['hot-period', { targetRef, syncPeriod: '1ms' }],
  ['endless-period', { targetRef, syncPeriod: '999999999h' }],
];

describe('cards stored under a definition without rules', () => {
  beforeAll(async () => {
    await installKind(server, withoutRules(definition), 'taken');
    for (const [name, spec] of storedBefore) expect(await create(name, spec)).toMatchObject({ code: 201 });
    await installKind(server, definition, 'refused');
  });

  test.each(storedBefore)('%s still takes status and labels', async (name) => {
    const { code, object } = await patch(`${name}/status`, { status: { protocol: 'a2a' } });
    // API servers of 1.30 and 1.32 hold even a change of the status against the rules of the spec.
    const isHeld = kubeMinor <= 32 && name.endsWith('-period');
    expect(code).toBe(isHeld ? 422 : 200);
    if (!isHeld) expect(object.status).toMatchObject({ protocol: 'a2a' });
    expect(await patch(name, { metadata: { labels: { team: 'weather' } } })).toMatchObject({ code: 200 });
  });

  test('another field of the spec can change while a bad period stands', async () => {
    expect(await patch('wordy-period', { spec: { suspend: true } })).toMatchObject({ code: 200 });
  });

  test('a bad period can only change to a good one', async () => {
    expect(await patch('hot-period', { spec: { syncPeriod: '2ms' } })).toMatchObject({ code: 422 });
    expect(await patch('hot-period', { spec: { syncPeriod: '5s' } })).toMatchObject({ code: 200 });
  });
});

describe('the definition', () => {
  test('is accepted whole: structural, its names free', async () => {
    const { object } = await call(server, 'GET', crdPath);
    const conditions = object.status.conditions as { type: string; status: string }[];
    expect(conditions.filter(({ status }) => status === 'True').map(({ type }) => type)).toEqual(
      expect.arrayContaining(['NamesAccepted', 'Established']),
    );
    expect(conditions.map(({ type }) => type)).not.toContain('NonStructuralSchema');
  });

  test.each(peerSpecs)('takes a card of the Go operator unchanged: %s', async (_what, spec) => {
    const { code, object } = await dryRun(spec);
    expect(code).toBe(201);
    expect(object.spec).toEqual({ syncPeriod: '5m', ...spec });
  });

  test('leaves strict unset when the card does: the operator decides', async () => {
    const { object } = await dryRun({ targetRef, identityBinding: {} });
    expect(object.spec.identityBinding).toEqual({});
  });

  test('keeps every field of a status that the Go operator wrote', async () => {
    await create('peer-status', { targetRef });
    const { code, object } = await patch('peer-status/status', { status: peerStatus });
    expect(code).toBe(200);
    expect(object.status).toEqual({ observedGeneration: -1, ...peerStatus });
  });

  test('keeps every field of our status, and of the card what nobody foresaw', async () => {
    await create('our-status', { targetRef });
    const { code, object } = await patch('our-status/status', { status: ourStatus });
    expect(code).toBe(200);
    expect(object.status).toEqual(ourStatus);
  });
});

test('the samples are taken', async () => {
  const samples = parseAllDocuments(await readFile('config/samples/agentcard.yaml', 'utf8'));
  expect(samples).toHaveLength(2);
  for (const sample of samples) expect(await dryRun(sample.toJS().spec)).toMatchObject({ code: 201 });
});

const refused: readonly [string, Fields, string][] = [
  ['no target', {}, 'spec.targetRef: Required value'],
  ['a target without a name', { targetRef: { apiVersion: 'v1', kind: 'Pod' } }, 'spec.targetRef.name: Required value'],
  ['an empty kind', { targetRef: { ...targetRef, kind: '' } }, 'spec.targetRef.kind: Invalid value'],
  ['a period in words', { targetRef, syncPeriod: 'often' }, 'must be a duration of 5s to 24h, such as 30s, 5m'],
  ['a period too short', { targetRef, syncPeriod: '4999ms' }, 'must be a duration of 5s to 24h, such as 30s, 5m'],
  ['a period without end', { targetRef, syncPeriod: '999999999h' }, 'must be a duration of 5s to 24h'],
  ['a period above a day', { targetRef, syncPeriod: '24h1ms' }, 'must be a duration of 5s to 24h'],
  ['a negative period', { targetRef, syncPeriod: '-5m' }, 'must be a duration of 5s to 24h'],
  ['a wrong trust domain', { targetRef, identityBinding: { trustDomain: 'spiffe://x' } }, 'must be a trust domain'],
  [
    'an ID without a path',
    { targetRef, identityBinding: { allowedSpiffeIDs: ['spiffe://example.org'] } },
    'spec.identityBinding.allowedSpiffeIDs[0]: Invalid value: must be a SPIFFE ID with a path',
  ],
  [
    'too many IDs',
    { targetRef, identityBinding: { allowedSpiffeIDs: Array(17).fill('spiffe://example.org/a') } },
    'spec.identityBinding.allowedSpiffeIDs: Too many: 17: must have at most 16 items',
  ],
  ['a wrong cardId', { targetRef, approvedCardId: 'A'.repeat(64) }, 'must be a cardId: 64 characters'],
  [
    'a relative path',
    { targetRef, endpoint: { path: 'card.json' } },
    'spec.endpoint.path: Invalid value: must start with /',
  ],
  ['a quarantine without a reason', { targetRef, quarantine: {} }, 'spec.quarantine.reason: Required value'],
  ['a misspelt field', { targetRef, synchPeriod: '5m' }, 'unknown field "spec.synchPeriod"'],
];

test.each(refused)('a card with %s is refused in words', async (_what, spec, message) => {
  const answer = await dryRun(spec);
  expect([400, 422]).toContain(answer.code);
  // Older API servers tell of a value only that it is a string.
  expect(answer.message.replaceAll(/(Invalid value): "[^"]*"/g, '$1')).toContain(message);
});

test('a card without spec is refused in words', async () => {
  expect((await dryRun(undefined)).message).toContain('spec.targetRef is required');
});

test('the longest text of a period that is taken is one that the rule can read', async () => {
  const longest = '00005.999999999h'.repeat(4);
  expect(longest.length).toBe(64);
  expect(await dryRun({ targetRef, syncPeriod: longest })).toMatchObject({ code: 201 });
});

function withoutRules<T>(value: T): T {
  const text = JSON.stringify(value, (key, inner) => {
    const isRule =
      key === 'x-kubernetes-validations' || (key === 'required' && /^(spec|targetRef)$/.test(inner.join()));
    return isRule ? undefined : inner;
  });
  return JSON.parse(text);
}

const digest = 'c'.repeat(64);
const now = '2026-01-02T03:04:05Z';
const ourStatus = {
  observedGeneration: 3,
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'ReadyToServe',
      message: '',
      lastTransitionTime: now,
      observedGeneration: 3,
    },
  ],
  checks: [{ name: 'transport', result: 'pass', expected: 'mutual TLS', observed: 'mutual TLS', hint: 'none' }],
  card: { name: 'x', protocolVersion: '0.3.0', 'x-own': { deep: [{ er: true }] } },
  cardTruncated: true,
  cardId: digest,
  history: [{ cardId: digest, time: now }],
  source: 'mtls',
  url: 'https://agent.example.org',
  replicas: { ready: 2, attested: 1 },
  canonicalForm: 'raw-jcs',
  seen: { payloadSha256: digest, protectedSha256: digest, issuerSha256: digest, notAfter: now },
  heldSince: now,
  identityExpiresAt: now,
  signedUntil: now,
  policy: { mode: 'enforce', name: 'weather-agent-signature-policy' },
} as const satisfies Omit<AgentCardStatus, 'history' | 'conditions' | 'checks'> & Fields;
