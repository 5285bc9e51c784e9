export { getCard } from './tls/get.ts';
export type { FetchFailure, FetchOutcome } from './tls/outcome.ts';
