import type { ReceivedCard } from '../../../src/evidence/evidence.ts';

export const card: ReceivedCard = {
  source: 'mtls',
  cardId: 'a'.repeat(64),
  url: undefined,
  published: { name: 'Weather' },
  truncated: false,
  signature: undefined,
};
