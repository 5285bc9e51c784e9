import { createMetrics } from '@agentcard-operator/kube/runtime';
import { IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import type { MetricObject } from 'prom-client';
import { noEvidence } from '../../src/operator/inquiry/evidence.ts';
import { registerBuildInfo } from '../../src/operator/metrics/build-info.ts';
import { statusMetrics } from '../../src/operator/metrics/cards.ts';
import { askerMetrics, fetchMetrics } from '../../src/operator/metrics/fetches.ts';
import { registerIdentityMetrics } from '../../src/operator/metrics/identity.ts';
import { unproven } from '../../src/operator/network/proof.ts';
import { version } from '../../src/operator/settings/version.ts';
import { code, markdownTable } from './markdown.ts';

/** prom-client keeps the names of the labels on each metric, and leaves them out of its types. */
type Registered = MetricObject & { readonly labelNames: readonly string[] };

/** Every metric that a running operator registers, registered here by the same code. */
export function registeredMetrics(): readonly Registered[] {
  const { registry } = createMetrics();
  registerBuildInfo(registry, version);
  const fleet = () => ({ silent: 0, heldUntil: undefined });
  const rest = { network: () => unproven, evidenceOf: () => noEvidence, now: () => 0 };
  statusMetrics(registry, { cards: () => [], fleet, ...rest });
  fetchMetrics(registry);
  askerMetrics(registry);
  registerIdentityMetrics(registry, new IdentitySource({ clock: () => 0 }));
  return registry.getMetricsAsArray() as Registered[];
}

/** Those of the operator come first. */
export function metricTable(): string {
  const metrics = registeredMetrics();
  const ours = ({ name }: Registered) => name.startsWith('agentcard_');
  const rows = [...metrics.filter(ours), ...metrics.filter((metric) => !ours(metric))].map(
    ({ name, type, labelNames, help }) => [code(name), String(type), labelNames.map(code).join(', '), help],
  );
  return markdownTable(['Metric', 'Type', 'Labels', 'What it says'], rows);
}
