import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { agentCardSpecSchema } from '../../../src/operator/api/agentcard.ts';
import { marks } from '../../../src/operator/api/marks.ts';
import { operatorPermissions } from '../../../src/operator/api/permissions.ts';
import { flags } from '../../../src/operator/settings/flag-table.ts';
import { releasedDefinition, releasedValues } from '../../../tools/chart.ts';

const read = (path: string) => readFile(path, 'utf8');

test('every generated file is what its source makes now', async () => {
  await promisify(execFile)(process.execPath, ['tools/generate.ts', '--check']);
});

test('the label guard goes by the list of marks, and names none by hand', async () => {
  const guard = await read('charts/agentcard-operator/templates/admission-label.yaml');
  const list = await read('charts/agentcard-operator/templates/_marks.tpl');
  for (const name of [...Object.keys(marks.labels), ...Object.keys(marks.annotations)]) {
    expect(list).toContain(JSON.stringify(name));
    expect(guard).not.toContain(name);
  }
  // The guard, the restraint, the strip and the refusal on create.
  expect(guard.match(/\$labels/g)?.length).toBeGreaterThanOrEqual(7);
  expect(guard.match(/\$annotations/g)?.length).toBe(guard.match(/\$labels/g)?.length);
});

describe("the chart's schema", () => {
  test('knows every flag', async () => {
    const schema = JSON.parse(await read('charts/agentcard-operator/values.schema.json'));
    expect(Object.keys(schema.properties.config.properties)).toEqual(Object.values(flags).map(({ name }) => name));
  });

  test('knows every value of values.yaml, and values.yaml every one of the schema', async () => {
    const schema = JSON.parse(await read('charts/agentcard-operator/values.schema.json'));
    const values = parseAllDocuments(await read('charts/agentcard-operator/values.yaml'))[0]?.toJS();
    const { global: _global, ...expected } = schema.properties;
    expect(Object.keys(values).sort()).toEqual(Object.keys(expected).sort());
    for (const group of [
      'image',
      'verifiedFetch',
      'signatureVerification',
      'spiffe',
      'enforcement',
      'serviceAccount',
      'crd',
    ]) {
      expect(Object.keys(values[group]).sort()).toEqual(Object.keys(expected[group].properties).sort());
    }
  });
});

test('the schema of the values is closed wherever the names are known', async () => {
  const schema = JSON.parse(await read('charts/agentcard-operator/values.schema.json'));
  const shapesOfKubernetes = ['/extraVolumes/0', '/networkPolicy/metricsFrom/0'];
  const namesOfOthers = [
    ...['nodeAffinity', 'podAffinity', 'podAntiAffinity'].map((name) => `/affinity/${name}`),
    '/global',
    '/config/ingress-allow/0',
    '/config/egress-allow/0',
  ];
  expect(openGroups(schema).sort()).toEqual([...shapesOfKubernetes, ...namesOfOthers].sort());
});

interface Level {
  readonly type?: unknown;
  readonly properties?: Readonly<Record<string, Level>>;
  readonly additionalProperties?: false | Level;
  readonly items?: Level;
}

/** Where a name that nobody knows, with any value, is taken. */
function openGroups({ type, properties = {}, additionalProperties: more, items }: Level, at = ''): string[] {
  const isOpen = type === 'object' && more === undefined;
  return [
    ...(isOpen ? [at] : []),
    ...Object.entries(properties).flatMap(([name, each]) => openGroups(each, `${at}/${name}`)),
    ...(items ? openGroups(items, `${at}/0`) : []),
    ...(more ? openGroups(more, `${at}/*`) : []),
  ];
}

describe('what registries of charts show', () => {
  const definition = async () => parse(await read('charts/agentcard-operator/Chart.yaml'));

  test('has the version of the project', async () => {
    const { version } = JSON.parse(await read('package.json'));
    expect(await definition()).toMatchObject({ version, appVersion: version });
  });

  test('names the kind as it is, and an AgentCard that the kind takes', async () => {
    const { annotations } = await definition();
    const { metadata, spec } = parse(await read('config/crd/agentcards.yaml'));
    const [kind] = parse(annotations['artifacthub.io/crds']);
    expect(kind).toMatchObject({ kind: spec.names.kind, name: metadata.name, version: spec.versions[0].name });
    const [example] = parse(annotations['artifacthub.io/crdsExamples']);
    expect(example).toMatchObject({ apiVersion: `${spec.group}/${kind.version}`, kind: kind.kind });
    expect(agentCardSpecSchema.safeParse(example.spec)).toMatchObject({ success: true });
  });

  test('of a release is the image by its digest, and where it comes from', async () => {
    const release = {
      repository: 'registry.example.org/op',
      digest: `sha256:${'ab'.repeat(32)}`,
      source: 'https://example.org/op',
    };
    const [yaml, chart] = await Promise.all(
      ['values', 'Chart'].map((name) => read(`charts/agentcard-operator/${name}.yaml`)),
    );
    const values = releasedValues(yaml ?? '', release);
    expect(parse(values).image).toMatchObject({ repository: release.repository, digest: release.digest });
    expect(values.match(/#/g)).toHaveLength((yaml ?? '').match(/#/g)?.length ?? 0);
    const made = parse(releasedDefinition(chart ?? '', release));
    expect(made).toMatchObject({ home: release.source, sources: [release.source] });
    expect(parse(made.annotations['artifacthub.io/images'])).toEqual([
      { name: 'agentcard-operator', image: `${release.repository}@${release.digest}` },
    ]);
  });
});

describe('the roles', () => {
  test('have every permission once, in the role of its scope', async () => {
    const [wide, own] = parseAllDocuments(await read('config/rbac/roles.yaml')).map((role) => role.toJS());
    const rulesOf = (scoped: boolean) =>
      operatorPermissions
        .filter(({ scope }) => (scope === 'own') === scoped)
        .map(({ group, resources, verbs }) => ({
          apiGroups: [group],
          resources,
          verbs,
        }));
    expect(wide).toMatchObject({ kind: 'ClusterRole', rules: rulesOf(false) });
    expect(own).toMatchObject({ kind: 'Role', rules: rulesOf(true) });
  });

  test('say nothing of Secrets, of everything, or of writing workloads', () => {
    for (const { group, resources, verbs } of operatorPermissions) {
      expect(resources).not.toContain('secrets');
      expect([group, ...resources, ...verbs]).not.toContain('*');
      if (group === 'apps') for (const verb of verbs) expect(['get', 'list', 'watch']).toContain(verb);
    }
  });
});
