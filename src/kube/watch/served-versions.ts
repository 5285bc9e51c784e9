import { setTimeout as sleep } from 'node:timers/promises';
import { asApiError, hasCode } from '../client/api-error.ts';
import { resources } from '../client/kinds.ts';
import type { KubeObject } from '../client/objects.ts';
import { Informer, type InformerOptions } from './informer.ts';

/** In which versions the cluster serves a kind. */
export interface ServedVersions {
  readonly known: boolean;
  /** Undefined while the kind is not known or not there. */
  readonly served: readonly string[] | undefined;
  healthy(): boolean;
  /** Until the signal; `changed` is called when it is known for the first time, and whenever it may have changed. */
  follow(changed: () => void, signal: AbortSignal): Promise<void>;
}

type Kind = Pick<InformerOptions<KubeObject>, 'client' | 'resource' | 'timing' | 'telemetry'>;

/** A CustomResourceDefinition, as far as it decides whether there is anything to watch. */
interface Definition extends KubeObject {
  readonly served: readonly string[];
}

interface RawDefinition extends KubeObject {
  readonly spec?: { readonly versions?: readonly { readonly name: string; readonly served?: boolean }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/** As the kind's CustomResourceDefinition says, which is watched. */
export function definedVersions({ client, resource, timing, telemetry }: Kind): ServedVersions {
  const name = `${resource.plural}.${resource.group}`;
  const definition = new Informer<Definition>({
    client,
    resource: resources.customResourceDefinitions,
    fieldSelector: `metadata.name=${name}`,
    transform: trimDefinition,
    telemetry: { failed: (error, delayMs) => telemetry?.failed?.(error, delayMs) },
    ...(timing ? { timing } : {}),
  });
  return {
    get known() {
      return definition.hasSynced;
    },
    get served() {
      return definition.get(name)?.served;
    },
    healthy: () => definition.healthy(),
    follow: async (changed, signal) => {
      definition.onEvent({ add: changed, update: changed, remove: changed });
      void definition.synced.then(changed);
      await definition.start(signal);
    },
  };
}

/** Until its names are accepted a kind is not served at all; without that condition the lists will tell. */
function trimDefinition(raw: KubeObject): Definition {
  const { metadata, spec, status } = raw as RawDefinition;
  const { name, uid = '', resourceVersion = '' } = metadata;
  const refused = status?.conditions?.some((one) => one.type === 'Established' && one.status === 'False') ?? false;
  const served = refused ? [] : (spec?.versions ?? []).filter((version) => version.served === true);
  return { metadata: { name, uid, resourceVersion }, served: served.map((version) => version.name) };
}

/** As discovery says of the kind's group, which everybody may ask, and nobody watch. */
export function discoveredVersions({ client, resource, telemetry }: Kind, everyMs: number): ServedVersions {
  const call = { method: 'GET', path: `/apis/${resource.group}` } as const;
  const found = { known: false, served: undefined as readonly string[] | undefined, heard: false };
  const ask = async (signal: AbortSignal) => {
    try {
      const { versions = [] } = await client.json<{ versions?: readonly { version: string }[] }>({ ...call, signal });
      return versions.map(({ version }) => version);
    } catch (error) {
      if (hasCode(error, 404)) return undefined;
      throw error;
    }
  };
  const look = async (signal: AbortSignal) => {
    try {
      Object.assign(found, { served: await ask(signal), known: true, heard: true });
    } catch (error) {
      found.heard = false;
      if (!signal.aborted) telemetry?.failed?.(asApiError(error), everyMs);
    }
  };
  const follow: ServedVersions['follow'] = async (changed, signal) => {
    while (!signal.aborted) {
      await look(signal);
      if (found.known && !signal.aborted) changed();
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => {});
    }
  };
  return Object.assign(found, { healthy: () => found.heard, follow });
}
