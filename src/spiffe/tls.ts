export type { SecureConnection, Target } from './tls/connect.ts';
export type { Limits } from './tls/exchange.ts';
export { connect, type FetchRequest, fetch, type MutualTls } from './tls/fetch.ts';
export type { FetchAnswer, FetchFailure, FetchFailureCode, FetchOutcome, Guilt, Peer } from './tls/outcome.ts';
