import { onTestFinished } from 'vitest';
import type { assemble } from '../../../../src/operator/operator.ts';
import { everyCache } from '../../../../src/operator/watch/caches.ts';

/** Runs an operator until the test ends; returns once its caches are filled and its controllers work. */
export async function running({ caches, controllers, inquiry }: ReturnType<typeof assemble>): Promise<void> {
  const stop = new AbortController();
  const all = [...everyCache(caches).map(({ cache }) => cache.start(stop.signal)), inquiry.run(stop.signal)];
  await Promise.all(everyCache(caches).map(({ cache }) => cache.synced));
  all.push(...controllers.map((each) => each.start(stop.signal)));
  onTestFinished(async () => {
    stop.abort();
    await Promise.all(all);
  });
}
