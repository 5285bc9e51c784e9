import type { GoodSignature } from '@agentcard-operator/agentcard';
import type { IdentitySource } from '@agentcard-operator/spiffe/workload-api';
import { backoff } from '@agentcard-operator/spiffe/workload-api';
import type { Result, X509Svid } from '@agentcard-operator/spiffe/x509';
import { type Edges, logged, type SigningIdentity } from './signing.ts';

/**
 * Signs with every X509-SVID that comes, one after the other, until the signal is aborted. What failed is tried again with
 * back-off: the card in the file stays, and it stays good until its certificate ends.
 */
export async function followIdentity(
  identity: IdentitySource,
  signWith: (identity: SigningIdentity) => Promise<Result<GoodSignature>>,
  { random, log }: Pick<Edges, 'random' | 'log'>,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const { svid, bundles } = await identity.ready(signal).catch(() => identity.current());
    if (svid === undefined || signal.aborted) continue;
    const result = await signWith({ svid, bundles });
    failures = result.ok ? 0 : failures + 1;
    if (!result.ok) log.error('the card is not signed; trying again', logged(result.error));
    await nextReason(identity, svid, result.ok ? undefined : backoff(failures, random), signal);
  }
}

/** Resolves when another X509-SVID is there, when the delay is over, or when the signal is aborted. */
function nextReason(
  identity: IdentitySource,
  svid: X509Svid,
  delayMs: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      stop();
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const look = (): void => {
      const current = identity.current().svid;
      if (signal.aborted || (current !== undefined && current !== svid)) settle();
    };
    const timer = delayMs === undefined ? undefined : setTimeout(settle, delayMs);
    const stop = identity.onChange(look);
    signal.addEventListener('abort', settle);
    look();
  });
}
