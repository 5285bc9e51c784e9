import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Informer, type KubeClient } from '@agentcard-operator/kube';
import { type ConfigMap, type Key, resources, splitKey } from '@agentcard-operator/kube/objects';
import type { Cache, Logger, Task } from '@agentcard-operator/kube/runtime';
import type { IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import { parseBundle, parseTrustDomain } from '@agentcard-operator/spiffe/x509';
import type { Config } from '../settings/config.ts';

interface BundleReader {
  readonly take: (text: string) => void;
  /** The last good bundle stays. */
  readonly refuse: (code: string, reason: string) => void;
}

const rereadMs = 10_000;

interface BundleParts {
  readonly client: KubeClient;
  readonly identity: IdentitySource;
  readonly log: Logger;
}

/** What follows the bundle that the configuration names, which stands in for the Workload API's; undefined without one. */
export function trustBundle(config: Config, { client, identity, log }: BundleParts): Task | Cache | undefined {
  const trustDomain = parseTrustDomain(config.trustDomain);
  if (!trustDomain.ok) return undefined;
  const refuse = (code: string, reason: string) =>
    log.warn('the trust bundle was refused, the last good one stays', { code, reason });
  const take = (text: string) => {
    const bundle = parseBundle(trustDomain.value, text);
    if (bundle.ok) identity.setBundle(trustDomain.value, bundle.value);
    else refuse(bundle.error.code, bundle.error.message);
  };
  const { trustBundleFile: file, trustBundleConfigmap: configMap, trustBundleConfigmapKey: dataKey } = config;
  const run = (signal: AbortSignal) => followFile(file, { take, refuse }, signal);
  if (file !== '') return { name: 'trust bundle', needsLeadership: false, run };
  return configMap === '' ? undefined : bundleConfigMap(client, configMap, dataKey, { take, refuse });
}

/** Reads a trust bundle from a file, and again when it changes (a mounted ConfigMap is swapped under its name). */
async function followFile(path: string, { take, refuse }: BundleReader, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  while (!signal.aborted) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) refuse('BundleUnreadable', `${path} cannot be read`);
    else if (text !== last) take(text);
    last = text;
    await sleep(rereadMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** A cache of the one ConfigMap that holds the trust bundle; every change of it is taken. */
function bundleConfigMap(client: KubeClient, configMap: Key, dataKey: string, { take, refuse }: BundleReader) {
  const { namespace = '', name } = splitKey(configMap);
  const fieldSelector = `metadata.name=${name}`;
  const resource = resources.configMaps;
  const informer = new Informer<ConfigMap>({ client, resource, namespaces: [namespace], fieldSelector });
  const read = ({ data }: ConfigMap) => {
    const text = data?.[dataKey];
    if (text !== undefined) take(text);
    else refuse('BundleMissing', `ConfigMap ${configMap} has no key ${dataKey}`);
  };
  informer.onEvent({ add: read, update: (_, object) => read(object) });
  return informer;
}
