import type { Ask } from '../../../../src/operator/inquiry/agenda.ts';
import type { ReceivedCard } from '../../../../src/operator/inquiry/evidence.ts';

import { workload } from '../kit/builders.ts';

export const card: ReceivedCard = {
  source: 'mtls',
  digest: 'd'.repeat(64),
  cardId: 'a'.repeat(64),
  url: undefined,
  agentName: undefined,
  published: { text: '{"name":"Weather"}', sha256: '04b99dad93cd3334de1d723554b989cfb25b0ef1bce182f5f3247436a7645f57' },
  truncated: false,
  signature: undefined,
};

/** An urgent question to pod `w` of the card team/weather. */
export function askBy(transport: Ask['transport'], to: Partial<Ask['endpoint']> = {}): Ask {
  const pod = { podUid: 'w-uid', podName: 'w', address: '198.19.0.1', family: 'IPv4', port: 8443 } as const;
  return {
    card: 'team/weather',
    endpoint: { ...pod, ready: true, version: 'v1', ...to },
    workload,
    transport,
    paths: ['/'],
    hostHeader: 'h',
    trustDomains: [],
    expected: [],
    seen: undefined,
    cadence: { transport, syncPeriodMs: 30_000, refresh: undefined, seed: 'weather' },
    urgent: true,
  };
}
