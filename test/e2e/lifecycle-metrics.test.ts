import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { Agent } from './kit/agent.ts';
import { asked, scrapes } from './kit/calm.ts';
import { World } from './kit/world.ts';

let world: World;
let namespace: string;

beforeAll(async () => {
  world = await World.open();
  await world.install({ replicas: 1, config: {}, metrics: { dashboard: { enabled: true } } });
  namespace = await world.namespace('metrics');
  const agent = await Agent.deploy(world, namespace, 'weather');
  await agent.says({ Ready: 'True ReadyToServe' });
  expect(await asked(world)).toBeGreaterThan(0);
});
afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

async function expressions(): Promise<readonly string[]> {
  const rules = parse(await readFile('config/rules/agentcard-operator.yaml', 'utf8')) as {
    groups: { rules: { expr: string }[] }[];
  };
  const dashboard = JSON.parse(await readFile('config/dashboards/agentcard-operator.json', 'utf8')) as {
    panels: { targets: { expr: string }[] }[];
  };
  return [
    ...rules.groups.flatMap((group) => group.rules.map(({ expr }) => expr)),
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
}

/** Metrics of an expression with the labels that it selects or groups by. */
function wanted(expr: string): { readonly metric: string; readonly labels: readonly string[] }[] {
  const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) =>
    list.split(',').map((part) => part.trim()),
  );
  const plain = expr.replaceAll(/\bby \([^)]*\)/g, '');
  // What a parenthesis follows is a function.
  return [...plain.matchAll(/\b([a-z]+(?:_[a-z0-9]+){1,})\b(?!\s*\()(?:\{([^}]*)\})?/g)].map(
    ([, metric = '', selector = '']) => {
      // The job is what Prometheus calls whom it scrapes.
      const selected = [...selector.matchAll(/(\w+)[!=]/g)]
        .map(([, label = '']) => label)
        .filter((label) => label !== 'job');
      return { metric, labels: [...grouped, ...selected] };
    },
  );
}

test('every metric and label of the alerts and the dashboard is in what a running operator serves', async () => {
  const [text = ''] = await scrapes(world);
  const all = (await expressions()).flatMap(wanted);
  expect(all.length).toBeGreaterThan(25);
  const missing = all.filter(({ metric, labels }) => {
    const series = text.split('\n').filter((line) => new RegExp(`^${metric}[{ ]`).test(line));
    // A counter of failures by their code is declared, and has no series until something fails.
    if (series.length === 0) return !text.includes(`# TYPE ${metric} counter`);
    return !labels.every((label) => series.some((line) => line.includes(`${label}="`)));
  });
  expect(missing).toEqual([]);
});
