import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '@agentcard-operator/kube';
import { Informer } from '@agentcard-operator/kube';
import { type ConfigMap, type Key, resources } from '@agentcard-operator/kube/objects';
import type { Cache, Logger, Task } from '@agentcard-operator/kube/runtime';
import type { IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import { parseBundle, parseTrustDomain, type TrustBundle, type TrustDomain } from '@agentcard-operator/spiffe/x509';
import type { Config } from '../settings/config.ts';

export interface BundleListener {
  readonly loaded: (bundle: TrustBundle) => void;
  /** The last good bundle stays. */
  readonly refused: (code: string, message: string) => void;
}

const rereadMs = 10_000;

interface BundleParts {
  readonly client: KubeClient;
  readonly identity: IdentitySource;
  readonly log: Logger;
}

/** What follows the bundle that the configuration names, which stands in for the Workload API's; undefined without one. */
export function trustBundle(config: Config, { client, identity, log }: BundleParts): Task | Cache | undefined {
  const parsed = parseTrustDomain(config.trustDomain);
  if (!parsed.ok) return undefined;
  const trustDomain = parsed.value;
  const listener: BundleListener = {
    loaded: (bundle) => identity.setBundle(trustDomain, bundle),
    refused: (code, message) =>
      log.warn('the trust bundle was refused, the last good one stays', { code, reason: message }),
  };
  const { trustBundleFile: file, trustBundleConfigmap: configMap, trustBundleConfigmapKey: dataKey } = config;
  const run = (signal: AbortSignal) => followFile(file, trustDomain, listener, signal);
  if (file !== '') return { name: 'trust bundle', needsLeadership: false, run };
  return configMap === '' ? undefined : bundleConfigMap(client, { configMap, dataKey, trustDomain }, listener);
}

/** Reads a trust bundle from a file, and again when it changes (a mounted ConfigMap is swapped under its name). */
export async function followFile(
  path: string,
  trustDomain: TrustDomain,
  listener: BundleListener,
  signal: AbortSignal,
): Promise<void> {
  let last: string | undefined;
  while (!signal.aborted) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) listener.refused('BundleUnreadable', `${path} cannot be read`);
    else if (text !== last) take(text, trustDomain, listener);
    last = text;
    await sleep(rereadMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

export interface BundlePlace {
  /** "namespace/name" of the ConfigMap. */
  readonly configMap: Key;
  readonly dataKey: string;
  readonly trustDomain: TrustDomain;
}

/** A cache of the one ConfigMap that holds the trust bundle; every change of it is taken. */
export function bundleConfigMap(client: KubeClient, place: BundlePlace, listener: BundleListener): Informer<ConfigMap> {
  const [namespace = '', name = ''] = place.configMap.split('/');
  const fieldSelector = `metadata.name=${name}`;
  const informer = new Informer<ConfigMap>({
    client,
    resource: resources.configMaps,
    namespaces: [namespace],
    fieldSelector,
  });
  const read = ({ data }: ConfigMap) => {
    const text = data?.[place.dataKey];
    if (text !== undefined) take(text, place.trustDomain, listener);
    else listener.refused('BundleMissing', `ConfigMap ${place.configMap} has no key ${place.dataKey}`);
  };
  informer.onEvent({ add: read, update: (_, object) => read(object) });
  return informer;
}

function take(text: string, trustDomain: TrustDomain, { loaded, refused }: BundleListener): void {
  const bundle = parseBundle(trustDomain, text);
  if (bundle.ok) loaded(bundle.value);
  else refused(bundle.error.code, bundle.error.message);
}
