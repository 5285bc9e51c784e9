import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { monitoringFiles } from '../../../tools/generate/monitoring.ts';

const expressions = monitoringFiles().flatMap(([path, text]): string[] =>
  path.endsWith('.json')
    ? JSON.parse(text).panels.flatMap(({ targets }: { targets: { expr: string }[] }) => targets.map(({ expr }) => expr))
    : parse(text).groups.flatMap(({ rules }: { rules: { expr: string }[] }) => rules.map(({ expr }) => expr)),
);

test('every expression of the alerts and the dashboard reads the operator’s own series, and no other controller’s', () => {
  expect(expressions.length).toBeGreaterThan(50);
  for (const expr of expressions) {
    const metrics = expr
      .match(/\b[a-z]+(?:_[a-z0-9]+)+(?=[[{ )]|$)/g)
      ?.filter((name) => !/^(trust_domain|histogram_quantile)$/.test(name));
    const own = expr.match(/\b[a-z]+(?:_[a-z0-9]+)+\{job="agentcard-operator"[,}]/g);
    expect(own, expr).toHaveLength(metrics?.length ?? 0);
  }
});
