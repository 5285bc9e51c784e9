/** The operator as its own process, bundled and configured as in its image. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle } from '../../tools/bundle.ts';
import { type Daemon, startDaemon } from '../cluster/daemon.ts';
import type { Parameters } from './parameters.ts';
import { trustDomain } from './population.ts';

export const programs = 'dist/bench/app';

export async function bundlePrograms(): Promise<void> {
  const asker = { 'agentcard-asker': 'src/operator/inquiry/asking/asker-main.ts' };
  await bundle({ ...asker, operator: 'src/operator/main.ts', bare: 'test/bench/bare.ts' }, programs);
}

export interface OperatorOptions {
  readonly name?: string;
  readonly server: string;
  readonly workloadApi: string;
  readonly logs: string;
  readonly metricsPort: number;
  readonly flags?: readonly string[];
  readonly nodeFlags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** As the Dockerfile sets it; the old generation is as large as Node makes it under the chart's limit of 512 MiB. */
export const youngGeneration = '--max-semi-space-size=4';
export const nodeOptions = [youngGeneration, '--max-old-space-size=256'];

export interface RunningOperator {
  readonly daemon: Daemon;
  /** What it says at /metrics; undefined while it does not listen. */
  metrics(): Promise<string | undefined>;
}

export async function startOperator(parameters: Parameters, options: OperatorOptions): Promise<RunningOperator> {
  const { name = 'operator', server, workloadApi, logs, metricsPort, flags = [], nodeFlags = [], env } = options;
  const { hostname, port } = new URL(server);
  await mkdir(logs, { recursive: true });
  const program = join(programs, 'operator.mjs');
  const daemon = await startDaemon({
    name,
    command: process.execPath,
    args: [...nodeOptions, ...nodeFlags, program, ...operatorFlags(parameters, workloadApi, metricsPort), ...flags],
    logs,
    env: {
      MALLOC_ARENA_MAX: '1',
      MALLOC_TRIM_THRESHOLD_: '65536',
      PATH: process.env.PATH ?? '',
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: port,
      POD_NAME: name,
      POD_NAMESPACE: 'agentcard-system',
      ...env,
    },
  });
  const metrics = async () => {
    try {
      return await (
        await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { signal: AbortSignal.timeout(5_000) })
      ).text();
    } catch {
      return undefined;
    }
  };
  return { daemon, metrics };
}

function operatorFlags(parameters: Parameters, workloadApi: string, metricsPort: number): string[] {
  return [
    `--trust-domain=${trustDomain}`,
    '--enable-verified-fetch=true',
    `--spiffe-endpoint-socket=${workloadApi}`,
    `--enforcement=${parameters.enforcement}`,
    `--fetch-concurrency=${parameters.fetchConcurrency}`,
    `--fetch-timeout=${parameters.fetchTimeoutSeconds}s`,
    `--metrics-bind-address=127.0.0.1:${metricsPort}`,
    `--health-probe-bind-address=127.0.0.1:${metricsPort + 1}`,
    '--log-format=text',
  ];
}
