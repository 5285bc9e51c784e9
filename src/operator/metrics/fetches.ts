import { counter, histogram } from '@agentcard-operator/kube/runtime';
import type { Registry } from 'prom-client';
import type { Cause } from '../inquiry/asking/exposed-process.ts';
import type { Finding } from '../inquiry/evidence.ts';

const transports = ['mtls', 'http'] as const;
const outcomes = ['card', 'refusal', 'silence', 'stranger'] as const;
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Tells one fetch: over which transport, what it brought, how long it took. */
export function fetchMetrics(registry: Registry) {
  const by = ['transport', 'outcome'];
  const fetches = counter(registry, 'agentcard_fetches_total', 'Questions to agents by what they brought', by);
  const time = ['agentcard_fetch_duration_seconds', 'From the question to what it brought'] as const;
  const durations = histogram(registry, time, ['transport'], buckets);
  for (const transport of transports) {
    durations.zero({ transport });
    for (const outcome of outcomes) fetches.inc({ transport, outcome }, 0);
  }
  return (transport: (typeof transports)[number], finding: Finding, seconds: number): void => {
    fetches.inc({ transport, outcome: outcomeOf(finding) });
    durations.observe({ transport }, seconds);
  };
}

const lanes = ['main', 'suspect'] as const;
const causes = ['exit', 'hang', 'malformed'] as const satisfies readonly Cause[];

/** Tells that the process that asks agents ended: the usual one, or that of the suspects. */
export function askerMetrics(registry: Registry) {
  const help = 'Ends of the process that asks agents, which nobody ordered';
  const crashes = counter(registry, 'agentcard_asker_crashes_total', help, ['lane', 'cause']);
  for (const lane of lanes) for (const cause of causes) crashes.inc({ lane, cause }, 0);
  return (lane: (typeof lanes)[number], cause: Cause): void => crashes.inc({ lane, cause });
}

function outcomeOf(finding: Finding): (typeof outcomes)[number] {
  if (finding.kind !== 'answer') return finding.kind;
  return finding.answer.kind === 'refusal' ? 'refusal' : 'card';
}
