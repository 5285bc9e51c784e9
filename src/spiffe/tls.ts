export type { SecureConnection, Target } from './tls/connect.ts';
export { chainFailure, exchangeFailure } from './tls/errors.ts';
export { answerFault, type Limits } from './tls/exchange.ts';
export { connect, type FetchRequest, fetch, type MutualTls } from './tls/fetch.ts';
export {
  type FetchAnswer,
  type FetchFailure,
  type FetchFailureCode,
  type FetchOutcome,
  failed,
  failureCodes,
  type Guilt,
  type Peer,
} from './tls/outcome.ts';
