import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeClient } from '../client/client.ts';
import { compareVersions, type Key, type KubeObject, keyOf, type Resource } from '../client/objects.ts';
import type { Selector } from '../client/options.ts';
import type { Store } from './store.ts';

/** What is compared: a store that a watch keeps, and the list that it should equal. */
export interface AuditTarget<T extends KubeObject> {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly scope: Selector;
  readonly store: Store<T>;
  /** Keys of the objects that were removed since the audit began. */
  readonly removed: ReadonlySet<Key>;
  /** How far the watch has come; '' while it has no position. */
  readonly position: () => string;
  /** How long the watch has to reach the list's version. Bookmarks come about once a minute. */
  readonly settleMs: number;
}

/**
 * How many changes the watch has missed, or undefined when that cannot be told now. The list names its version; once
 * the watch claims to have passed it, whatever differs and is not younger than the list was never delivered.
 */
export async function countMissed<T extends KubeObject>(
  target: AuditTarget<T>,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { position, settleMs } = target;
  const { listed, version } = await listMetadata(target, signal);
  const deadline = performance.now() + settleMs;
  while (compareVersions(position(), version) < 0 || position() === '') {
    if (performance.now() >= deadline) break;
    await sleep(Math.min(1000, settleMs / 10), undefined, { signal });
  }
  return position() === '' ? undefined : compare(target, listed, version);
}

type Listed = ReadonlyMap<Key, KubeObject['metadata']>;

async function listMetadata<T extends KubeObject>(
  { client, resource, scope }: AuditTarget<T>,
  signal: AbortSignal,
): Promise<{ listed: Listed; version: string }> {
  const listed = new Map<Key, KubeObject['metadata']>();
  let version = '';
  for await (const page of client.pages(resource, { ...scope, metadataOnly: true, signal })) {
    for (const item of page.items) {
      const { name, uid = '', resourceVersion = '' } = item.metadata;
      listed.set(keyOf(item), { name, uid, resourceVersion });
    }
    version = page.resourceVersion;
  }
  return { listed, version };
}

function compare<T extends KubeObject>(target: AuditTarget<T>, listed: Listed, version: string): number {
  const { store, removed, scope } = target;
  const young = (have: KubeObject['metadata']) => compareVersions(have.resourceVersion, version) > 0;
  let missed = 0;
  for (const [key, seen] of listed) {
    const have = store.get(key)?.metadata;
    if (have === undefined) missed += removed.has(key) ? 0 : 1;
    else if (have.uid !== seen.uid || compareVersions(have.resourceVersion, seen.resourceVersion) < 0) {
      missed += young(have) ? 0 : 1;
    }
  }
  for (const object of store.values()) {
    if (scope.namespace !== undefined && object.metadata.namespace !== scope.namespace) continue;
    if (!listed.has(keyOf(object)) && !young(object.metadata)) missed++;
  }
  return missed;
}
