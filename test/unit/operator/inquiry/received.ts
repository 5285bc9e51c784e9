import type { ReceivedCard } from '../../../../src/operator/inquiry/evidence.ts';

export const card: ReceivedCard = {
  source: 'mtls',
  digest: 'd'.repeat(64),
  cardId: 'a'.repeat(64),
  url: undefined,
  published: { text: '{"name":"Weather"}', sha256: '04b99dad93cd3334de1d723554b989cfb25b0ef1bce182f5f3247436a7645f57' },
  truncated: false,
  signature: undefined,
};
