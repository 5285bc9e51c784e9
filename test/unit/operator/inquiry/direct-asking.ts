import { once } from 'node:events';
import type { Asking } from '../../../../src/operator/inquiry/asking/asker.ts';
import { fetch } from '../../../../src/spiffe/tls/fetch.ts';
import type { IdentitySource } from '../../../../src/spiffe/workload-api/identity.ts';

/** Asks in this process: where the asking process is not what is tested. */
export function directAsking(identity: IdentitySource): Asking {
  return {
    ask: ({ request, trustDomains }, signal) => {
      const tls = trustDomains && { identity: identity.current(), trustDomains };
      return fetch({ ...request, ...(tls && { tls }), signal });
    },
    run: async (signal) => {
      if (!signal.aborted) await once(signal, 'abort');
    },
  };
}
