import { gauge } from '@agentcard-operator/kube/runtime';
import type { Registry } from 'prom-client';

/** Which operator runs, to be joined with what it says. */
export function registerBuildInfo(registry: Registry, version: string): void {
  const info = gauge(
    registry,
    ['agentcard_build_info', 'Always 1: the versions of operator and Node'],
    ['version', 'node'],
  );
  info.set({ version, node: process.version }, 1);
}
