import { onTestFinished } from 'vitest';
import { IdentitySource } from '../../../src/spiffe/workload-api/identity.ts';
import type { FakeWorkloadApi } from '../../pki/fake-workload-api.ts';

/** An identity that follows the fake Workload API until the test ends, once it is ready. */
export async function followed(api: FakeWorkloadApi): Promise<IdentitySource> {
  const stopping = new AbortController();
  const wait = (_milliseconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(resolve, 20);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  const identity = new IdentitySource({
    workloadApi: { address: api.address, random: () => 0, wait },
    clock: Date.now,
  });
  const following = identity.start(stopping.signal);
  onTestFinished(async () => {
    stopping.abort();
    await following;
  });
  await identity.ready(stopping.signal);
  return identity;
}
