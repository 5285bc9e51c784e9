#!/usr/bin/env node
import { inClusterConfig, KubeClient } from '@agentcard-operator/kube';
import { createLogger } from '@agentcard-operator/kube/runtime';
import { version } from '../operator/settings/version.ts';
import { run } from './run.ts';

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stopping.abort());

process.exitCode = await run(process.argv.slice(2), process.env, {
  out: (text) => process.stdout.write(text),
  now: () => new Date(),
  random: Math.random,
  log: createLogger(),
  connect: () => new KubeClient(inClusterConfig(), { userAgent: `agentcard-signer/${version}` }),
  signal: stopping.signal,
});
