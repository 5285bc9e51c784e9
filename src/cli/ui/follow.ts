import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Handler, Informer, type InformerOptions } from '@agentcard-operator/kube';
import type { KubeObject } from '@agentcard-operator/kube/objects';
import type { Place } from '../cluster/connection.ts';
import type { Sight } from './view.ts';

/** A cache of one kind, of as much of it as this user may see, which starts anew when rights come and go. */
export type Followed<T extends KubeObject> = ReturnType<typeof follow<T>>;

export interface Following<T extends KubeObject> {
  readonly wanted: Pick<InformerOptions<T>, 'resource' | 'fieldSelector' | 'indexes'>;
  readonly handler: Handler<T>;
  readonly onSight: () => void;
  /** Between two questions whether it may be seen by now. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
}

/** Watches until the signal. What may not be seen is asked for again, since rights can be granted meanwhile. */
export function follow<T extends KubeObject>(place: Place, following: Following<T>) {
  const { wanted, handler, onSight, patienceMs, signal } = following;
  let sight: Sight = { state: 'loading', of: 'cluster', message: '' };
  let informer: Informer<T> | undefined;
  const tell = (state: Sight['state'], of: Sight['of'], message = '') => {
    const same = state === sight.state && of === sight.of && message === sight.message;
    sight = { state, of, message };
    if (!same) onSight();
  };
  const watch = async (of: Sight['of']) => {
    const stop = new AbortController();
    const failed = (error: ApiError) => {
      tell('lost', of, error.message);
      // Waiting does not bring back a right, or a kind: look at what there is instead.
      if (error.code === 403 || error.code === 404) stop.abort();
    };
    // A watch that has begun has not told everything yet.
    const live = () => informer?.hasSynced && tell('live', of);
    const namespaces = of === 'namespace' ? [place.namespace] : [];
    const telemetry = { listed: () => void live(), watched: () => void live(), failed };
    informer = new Informer<T>({ ...wanted, client: place.client, namespaces, telemetry });
    informer.onEvent(handler);
    await informer.start(AbortSignal.any([signal, stop.signal]));
    const unseen = signal.aborted ? [] : [...informer.values()];
    informer = undefined;
    for (const object of unseen) handler.remove?.(object);
  };
  const loop = async () => {
    while (!signal.aborted) {
      const scope = await scopeOf(place, following);
      if (typeof scope === 'string') await watch(scope);
      else tell(stateOf(scope), 'namespace', scope.message);
      await sleep(patienceMs, undefined, { signal }).catch(() => {});
    }
  };
  void loop();
  return { sight: () => sight, current: () => informer };
}

const stateOf = ({ code }: ApiError) => (code === 403 ? 'denied' : code === 404 ? 'absent' : 'lost');

/** The whole cluster, else the namespace; else why neither. */
async function scopeOf<T extends KubeObject>(place: Place, { wanted, signal }: Following<T>) {
  const may = (namespace: object) =>
    place.client.listPage(wanted.resource, { limit: 1, signal, ...namespace }).then(
      () => undefined,
      (error: unknown) => (error instanceof ApiError ? error : ApiError.transport('Malformed', String(error))),
    );
  const refusal = await may({});
  if (refusal === undefined) return 'cluster';
  if (refusal.code !== 403) return refusal;
  return (await may({ namespace: place.namespace })) ?? 'namespace';
}
