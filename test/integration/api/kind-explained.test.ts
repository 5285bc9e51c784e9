import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { mergePatch } from '../../../src/operator/reconcile/patch.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { until } from '../../cluster/until.ts';
import { agentCard, call, cardsPath, type Fields, installKind } from './crd-client.ts';
import { targetRef } from './peer-cards.ts';

const definition = parse(await readFile('config/crd/agentcards.yaml', 'utf8'));
const notJudged = { observedGeneration: -1 };

let server: ApiServer;
let kubectl: (...args: string[]) => Promise<string>;
beforeAll(async () => {
  server = await startApiServer();
  const path = (await ensureTools(['kubectl'])).kubectl;
  kubectl = (...args) => run(path, ['--kubeconfig', server.kubeconfig, ...args]);
  const { default: _, ...undecided } = statusOf(definition);
  const older = structuredClone(definition);
  Object.assign(older.spec.versions[0].schema.openAPIV3Schema.properties, { status: undecided });
  await installKind(server, older, 'refused');
  await call(server, 'POST', cardsPath, agentCard('stored', { targetRef }));
  await installKind(server, definition, 'refused');
  await until({ what: 'the default to be served', timeoutMs: 30_000 }, async () => (await status('stored')) && true);
});
afterAll(() => server?.stop());

const statusOf = (crd: { spec: { versions: { schema: { openAPIV3Schema: { properties: { status: Fields } } } }[] } }) =>
  crd.spec.versions[0]?.schema.openAPIV3Schema.properties.status ?? {};
const get = (name: string) => call(server, 'GET', `${cardsPath}/${name}`);
const status = async (name: string) => (await get(name)).object.status;
const patch = (name: string, body: unknown) => call(server, 'PATCH', `${cardsPath}/${name}/status`, body);
const create = (name: string, more = {}) =>
  call(server, 'POST', cardsPath, { ...(agentCard(name, { targetRef }) as object), ...more });

interface Node {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}

function undescribed(node: Node, path: string): string[] {
  const own = Object.entries(node.properties ?? {}).flatMap(([name, field]) => [
    ...(field.description ? [] : [`${path}.${name}`]),
    ...undescribed(field, `${path}.${name}`),
  ]);
  return node.items === undefined ? own : [...own, ...undescribed(node.items, `${path}[]`)];
}

describe('the kind explains itself', () => {
  test('every field that the API server publishes has a description', async () => {
    const published = JSON.parse(await kubectl('get', '--raw', '/openapi/v3/apis/agent.kagenti.dev/v1alpha1'));
    const kind = published.components.schemas['dev.kagenti.agent.v1alpha1.AgentCard'] as Node;
    expect(Object.keys(kind.properties ?? {})).toEqual(expect.arrayContaining(['metadata', 'spec', 'status']));
    const { metadata, ...own } = kind.properties ?? {};
    expect(
      undescribed({ ...kind, properties: { ...own, metadata: { ...metadata, description: 'standard' } } }, ''),
    ).toEqual([]);
  });

  test('kubectl explain says which fields are required, and has words for the kind', async () => {
    const lines = (await kubectl('explain', 'agentcard.spec', '--recursive')).split('\n');
    const required = lines.flatMap((line) => /^ +(\w+)\t.*-required-$/.exec(line)?.[1] ?? []);
    expect(required.join(' ')).toMatch(/ reason targetRef apiVersion kind name$/);
    expect(await kubectl('explain', 'agentcard')).toMatch(/whether the workload that says it\s+is the one/);
    expect(await kubectl('explain', 'agentcard.status')).not.toContain('<no description>');
  });
});

describe('a card that nobody judged', () => {
  test('says so from its creation, whatever status its author wrote', async () => {
    expect((await create('new')).object.status).toEqual(notJudged);
    expect(await status('new')).toEqual(notJudged);
    expect((await create('forged', { status: { observedGeneration: 1, protocol: 'a2a' } })).code).toBe(201);
    expect(await status('forged')).toEqual(notJudged);
  });

  test('says so when it was stored before the kind had the default, in lists and watches too', async () => {
    expect(await status('stored')).toEqual(notJudged);
    const list = (await call(server, 'GET', cardsPath)).object as unknown as {
      items: { metadata: Fields; status: Fields }[];
    };
    expect(list.items.find(({ metadata }) => metadata.name === 'stored')?.status).toEqual(notJudged);
    const watched = await kubectl(
      'get',
      '--raw',
      `${cardsPath}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name=stored`,
    );
    expect(JSON.parse(watched.split('\n')[0] ?? '{}').object.status).toEqual(notJudged);
  });

  test('keeps saying so through changes of labels and spec', async () => {
    await create('touched');
    const body = { metadata: { labels: { team: 'weather' } }, spec: { suspend: true } };
    expect((await call(server, 'PATCH', `${cardsPath}/touched`, body)).object.status).toEqual(notJudged);
  });

  test('is judged by our merge patch, over a cache that saw the default and over one that saw no status', async () => {
    const judged = { observedGeneration: 1, protocol: 'a2a', history: [] };
    for (const [name, seen] of [
      ['seen', notJudged],
      ['unseen', {}],
    ] as const) {
      const { uid, resourceVersion } = (await create(name)).object.metadata;
      const { code, object } = await patch(name, {
        metadata: { uid, resourceVersion },
        status: mergePatch(seen, judged),
      });
      expect({ code, status: object.status }).toEqual({ code: 200, status: judged });
    }
  });

  test('is what a card becomes again whose status somebody takes away', async () => {
    await create('emptied');
    await patch('emptied', { status: { observedGeneration: 1, protocol: 'a2a' } });
    expect((await patch('emptied', { status: null })).object.status).toEqual(notJudged);
  });
});
