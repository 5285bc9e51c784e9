import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { chart, helm, image, objectsOf, render, verified } from './helm.ts';

describe('values that lack something', () => {
  const needed = valuePaths(parse(readFileSync(`${chart}/values.yaml`, 'utf8')));

  test.each(needed)('%s renders, or is missed in a sentence', async (path) => {
    const everything = 'metrics.podMonitor.enabled=true,metrics.rules.enabled=true,metrics.dashboard.enabled=true';
    const told = await render(verified, everything, `${path}=null`).catch(String);
    const kept = /the values lack \S+, which this chart brings: .* Upgrade with --reset-then-reuse-values/;
    const empty = /(image\.repository: name the image|is empty: (set|name))/;
    expect(told).toSatisfy((text: string) => text.includes('kind: Deployment') || kept.test(text) || empty.test(text));
  });

  test.each(['cleanup', 'cleanup.enabled', 'spiffe.clusterSPIFFEID', 'config', 'podSecurityContext'])(
    'as those that were kept of a chart without %s: it is named, with the way to upgrade',
    async (path) => {
      const way = 'Upgrade with --reset-then-reuse-values in place of --reuse-values';
      await expect(render(`${path}=null`)).rejects.toThrow(new RegExp(`the values lack ${path}, .*${way}`));
    },
  );
});

/** Of every value and group of values. */
function valuePaths(values: object, above = ''): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const path = `${above}${name}`;
    const below =
      typeof value === 'object' && value !== null && !Array.isArray(value) ? valuePaths(value, `${path}.`) : [];
    return [path, ...below.filter((each) => !/\.labels\.|^resources\./.test(each))];
  });
}

describe('a chart that depends on this one', () => {
  const dependency = { name: 'agentcard-operator', version: '0.1.0', condition: 'agentcard-operator.enabled' };
  const definition = { apiVersion: 'v2', name: 'platform', version: '1.0.0', dependencies: [dependency] };

  async function renderParent(...values: string[]): Promise<string> {
    const parent = await mkdtemp(join(tmpdir(), 'parent-'));
    onTestFinished(() => rm(parent, { recursive: true }));
    await mkdir(join(parent, 'charts'));
    await cp(chart, join(parent, 'charts/agentcard-operator'), { recursive: true });
    await writeFile(join(parent, 'Chart.yaml'), JSON.stringify(definition));
    const set = [image, ...values].flatMap((value) => [
      '--set',
      value.replace(/(?<=^|,)(?=\w)/g, 'agentcard-operator.'),
    ]);
    return helm('template', 'demo', parent, '--kube-version', '1.37.0', ...set);
  }

  test('turns it on and off by its condition, with its values', async () => {
    expect(objectsOf(await renderParent('enabled=false'))).toEqual([]);
    const kinds = objectsOf(await renderParent(verified)).map(({ kind }) => kind);
    expect(kinds).toContain('Deployment');
    expect(kinds).toContain('CustomResourceDefinition');
  });
});
