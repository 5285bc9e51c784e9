import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { marks } from '../../../src/operator/api/marks.ts';
import { operatorPermissions } from '../../../src/operator/api/permissions.ts';
import { flags } from '../../../src/operator/settings/flag-table.ts';

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
