import * as z from 'zod';
import { chosenText, maybe, objectName, part, shortText, spiffeId } from './schema.ts';

/** Of one list. */
export const mostCallers = 64;

const placed = (what: string) => ({
  name: objectName().describe(`Name of the ${what}.`),
  namespace: maybe('Its namespace. Default: that of this card.', objectName()),
});

const callerMessage = 'a caller is exactly one of agentCard, serviceAccount and spiffeID';
const caller = z
  .object({
    agentCard: part('The agent of an AgentCard.', placed('AgentCard')),
    serviceAccount: part('The agents that run under a service account.', placed('service account')),
    spiffeID: maybe('The agents that prove this SPIFFE ID.', spiffeId.max(2048)),
  })
  .refine((one) => Object.values(one).filter((value) => value !== undefined).length === 1, callerMessage)
  .meta({
    'x-kubernetes-validations': [
      {
        rule: '[has(self.agentCard), has(self.serviceAccount), has(self.spiffeID)].exists_one(one, one)',
        message: callerMessage,
      },
    ],
  });

export const callers = maybe(
  'Who may call this agent, by proven identity. Unset: every verified agent. Empty: the operator alone.',
  z.array(caller).max(mostCallers),
);

export const callersStatus = maybe(
  'Who may call this agent, and by which identity.',
  z
    .array(
      z.object({
        who: chosenText().describe('The caller, as a list names it.'),
        ids: maybe('The SPIFFE IDs of which it must prove one; the first of them.', z.array(shortText(2048)).max(4)),
        why: maybe('Why it may not call.', chosenText()),
      }),
    )
    .max(mostCallers),
);

export type CallerReference = z.infer<typeof caller>;
