import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { neededTools } from '../../../demos/quickstart/processes/machine.ts';
import { runStages } from '../../../tools/test/stages.ts';
import { worldTools } from '../../bench/namespace.ts';
import { integrationTools } from '../../cluster/catalogue.ts';

test('a stage begins once those it stands on have ended, beside all others, and outcomes come in the order of the list', async () => {
  const told: string[] = [];
  const ends = new Map<string, () => void>();
  const run = ({ name }: { readonly name: string }) => {
    told.push(name);
    return new Promise<string>((resolve) => ends.set(name, () => resolve(`${name} ended`)));
  };
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const outcomes = runStages(
    [
      { name: 'tools', after: [] },
      { name: 'unit', after: [] },
      { name: 'integration', after: ['tools', 'unit'] },
    ],
    run,
  );
  await turn();
  expect(told).toEqual(['tools', 'unit']);
  ends.get('unit')?.();
  await turn();
  expect(told).toEqual(['tools', 'unit']);
  ends.get('tools')?.();
  await turn();
  expect(told).toEqual(['tools', 'unit', 'integration']);
  ends.get('integration')?.();
  expect(await outcomes).toEqual(['tools ended', 'unit ended', 'integration ended']);
});

test('a stage that stands on one that comes later, or is not there, is refused', () => {
  const stages = [
    { name: 'e2e', after: ['tools'] },
    { name: 'tools', after: [] },
  ];
  expect(() => runStages(stages, async () => {})).toThrow('e2e is to begin after tools');
});

test('integration tests ask for no tool that is still being built beside them', () => {
  const folder = join(import.meta.dirname, '../../integration');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const calls = files.flatMap((file) => [
    ...readFileSync(join(folder, file), 'utf8').matchAll(/ensureTools\(\[([^\]]*)\]/g),
  ]);
  const asked = calls.flatMap(([, names = '']) => [...names.matchAll(/'([^']+)'/g)].map(([, name]) => name));
  expect(asked.length).toBeGreaterThan(10);
  expect(integrationTools).toEqual(expect.arrayContaining([...new Set([...asked, ...worldTools, ...neededTools])]));
});
