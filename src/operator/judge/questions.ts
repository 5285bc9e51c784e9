import type { Effect, Question } from './question.ts';
import { approval } from './questions/approval.ts';
import { endpoint } from './questions/endpoint.ts';
import { replicas } from './questions/replicas.ts';
import { serverIdentity } from './questions/server-identity.ts';
import { signature } from './questions/signature.ts';
import { signerIdentity } from './questions/signer-identity.ts';
import { signerIsServer } from './questions/signer-is-server.ts';
import { transport } from './questions/transport.ts';
import { workload } from './questions/workload.ts';

/**
 * The ladder: every question, in the order in which the answers build on each other. All are asked, not only up to the first
 * failure; of two that fail, the earlier one is told. Status checks, conditions, the kind's enum, `explain`, the docs and what
 * counts as news come from this list; nothing else judges.
 */
export const questions = [
  // The way from the card to its agent.
  workload,
  endpoint,
  // Does each pod answer, as whom, and with whose card?
  transport,
  serverIdentity,
  signature,
  signerIdentity,
  signerIsServer,
  // May this card be served at all, and do all pods serve the same?
  approval,
  replicas,
] as const satisfies readonly Question[];

/** All that answers can decide, in the order of the ladder. */
export const effects: readonly Effect[] = questions.flatMap(({ decides }): Effect[] => Object.values(decides));

export type QuestionName = (typeof questions)[number]['name'];
