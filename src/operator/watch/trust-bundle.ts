import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Informer, type KubeClient } from '@agentcard-operator/kube';
import { type ConfigMap, type Key, resources, splitKey } from '@agentcard-operator/kube/objects';
import type { Logger } from '@agentcard-operator/kube/runtime';
import type { IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import { parseBundle, parseTrustDomain, type Result, refused } from '@agentcard-operator/spiffe/x509';
import type { Config } from '../settings/config.ts';

const rereadMs = 10_000;

/** Takes a text, or what is said where there is none; then, as after a bad one, the last good bundle stays. */
type Take = (text: string | undefined, missing: Result<never>) => void;

interface BundleParts {
  readonly client: KubeClient;
  readonly identity: IdentitySource;
  readonly log: Logger;
}

/** What follows the bundle that the configuration names, which stands in for the Workload API's; undefined without one. */
export function trustBundle(config: Config, { client, identity, log }: BundleParts) {
  const { trustBundleFile: file, trustBundleConfigmap: configMap, trustBundleConfigmapKey: dataKey } = config;
  const trustDomain = parseTrustDomain(config.trustDomain);
  if (!trustDomain.ok) return undefined;
  const take: Take = (text, missing) => {
    const bundle = text === undefined ? missing : parseBundle(trustDomain.value, text);
    if (bundle.ok) return identity.setBundle(trustDomain.value, bundle.value);
    const { code, message: reason } = bundle.error;
    log.warn('the trust bundle was refused, the last good one stays', { code, reason });
  };
  const run = (signal: AbortSignal) => followFile(file, take, signal);
  if (file !== '') return { name: 'trust bundle', needsLeadership: false, run };
  return configMap === '' ? undefined : followConfigMap(configMap, dataKey, take, client);
}

/** Reads a trust bundle from a file, and again when it changes (a mounted ConfigMap is swapped under its name). */
async function followFile(path: string, take: Take, signal: AbortSignal): Promise<void> {
  let last: string | undefined;
  while (!signal.aborted) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    const missing = refused('BundleUnreadable', `${path} cannot be read`);
    if (text === undefined || text !== last) take(text, missing);
    last = text;
    await sleep(rereadMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/** A cache of the one ConfigMap that holds the trust bundle; every change of it is taken. */
function followConfigMap(configMap: Key, dataKey: string, take: Take, client: KubeClient) {
  const { namespace = '', name } = splitKey(configMap);
  const only = { namespaces: [namespace], fieldSelector: `metadata.name=${name}` };
  const informer = new Informer<ConfigMap>({ client, resource: resources.configMaps, ...only });
  const missing = refused('BundleMissing', `ConfigMap ${configMap} has no key ${dataKey}`);
  const read = ({ data }: ConfigMap) => take(data?.[dataKey], missing);
  informer.onEvent({ add: read, update: (_, object) => read(object) });
  return informer;
}
