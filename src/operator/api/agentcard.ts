import type { Condition, KubeObject } from '@agentcard-operator/kube/objects';
import * as z from 'zod';
import { longestCovered, longestName } from './budget.ts';
import { callers, callersStatus } from './callers.ts';
import {
  celText,
  chosenText,
  fitting,
  hash,
  listBy,
  maybe,
  objectName,
  part,
  shortText,
  spiffeId,
  time,
} from './schema.ts';
import { durationMs, goDuration } from './time.ts';

/** The AgentCard kind. `make generate` writes the CRD from these schemas; keys starting with x-kubernetes- pass through. */

const shortestPeriod = '5s';
const longestPeriod = '24h';
export const periodBoundsMs = { shortest: durationMs(shortestPeriod) ?? 0, longest: durationMs(longestPeriod) ?? 0 };
const periodMessage = `syncPeriod must be a duration of ${shortestPeriod} to ${longestPeriod}, such as 30s, 5m or 1h30m`;
const syncPeriod = z
  .string()
  .max(64)
  .refine((text) => {
    const ms = durationMs(text) ?? 0;
    return ms >= periodBoundsMs.shortest && ms <= periodBoundsMs.longest;
  }, periodMessage)
  .meta({
    'x-kubernetes-validations': [
      {
        // The pattern comes first: a rule that errs, as duration() does on other texts, would freeze stored objects.
        rule: `self.matches(${celText(goDuration.source)}) && duration(self) >= duration('${shortestPeriod}') && duration(self) <= duration('${longestPeriod}')`,
        message: periodMessage,
      },
    ],
  });

const targetRef = z.object({
  apiVersion: z
    .string()
    .min(1)
    .max(253)
    .describe('API version of the workload, for example apps/v1; which version of its group does not matter.'),
  // Both are columns of a table, in which a tab or a line feed would draw other columns and rows.
  kind: fitting(/^[A-Za-z][A-Za-z0-9]*$/, 'must be a kind, such as Deployment')
    .max(63)
    .describe('Kind of the workload: Deployment, StatefulSet or Sandbox.'),
  name: objectName().describe('Name of the workload in the namespace of the card.'),
});

const identityBinding = z.object({
  trustDomain: fitting(/^[a-zA-Z0-9]([a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/, 'must be a trust domain, such as example.org')
    .max(255)
    .optional()
    .describe(
      "Trust domain of the agent's identity. Default: the operator's. Ignored under --strict-binding=floor, but for --floor-allowed-ids.",
    ),
  strict: z
    .boolean()
    .optional()
    .describe('Whether another identity than the expected one fails the verdict. Default: --strict-binding.'),
  allowedSpiffeIDs: maybe(
    "The only SPIFFE IDs that may serve or sign this card. Default: the workload's own identity. Ignored under --strict-binding=floor, but for --floor-allowed-ids.",
    z.array(spiffeId.max(2048)).max(16),
  ),
});

export const agentCardSpecSchema = z.object({
  targetRef: targetRef.describe('The workload that serves this card.'),
  syncPeriod: syncPeriod.default('5m').describe('How often one pod is asked again, as a Go duration; 5s to 24h.'),
  identityBinding: identityBinding.optional().describe('Which identity the agent must prove.'),
  sigstoreVerification: part('Accepted for compatibility; this version does not act on it.', {
    certificateIdentity: shortText(2048).optional().describe('Identity in the certificate.'),
    certificateOIDCIssuer: shortText(2048).optional().describe('Issuer of that identity.'),
  }),
  endpoint: part('Where the agent answers, when the defaults do not find it.', {
    service: z.string().min(1).max(253).optional().describe('Name of the Service that leads to the agent.'),
    port: z.string().min(1).max(63).optional().describe('Name of the Service port for plain HTTP.'),
    path: maybe(
      'Path of the card, one that --card-paths allows. Default: the well-known ones.',
      fitting(/^\//, 'must start with /').max(1024),
    ),
  }),
  approvedCardId: fitting(/^[0-9a-f]{64}$/, 'must be a cardId: 64 characters from 0-9 and a-f')
    .optional()
    .describe('Only a card with this cardId is trusted.'),
  callers,
  suspend: z.boolean().optional().describe('Stops asking the agent. Evidence ages; enforcement goes on.'),
  quarantine: part('Cuts the agent off the network now, whatever it proves.', {
    reason: z.string().min(1).max(256).describe('Why, for everybody to read.'),
  }),
});

const check = z.object({
  name: shortText(63).describe('Which question.'),
  result: z.enum(['pass', 'fail', 'unknown', 'skipped']).describe('Its answer.'),
  expected: chosenText().optional().describe('What would pass.'),
  observed: chosenText().optional().describe('What was seen.'),
  hint: chosenText().optional().describe('What to do.'),
});

const condition = z.object({
  type: z.string().max(316).describe('Which condition.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
  reason: z.string().max(1024).describe('Why, in one word for programs.'),
  message: chosenText().describe('Why, in words for people, and what to do.'),
  lastTransitionTime: time().describe('When its status last changed.'),
  observedGeneration: z.int().optional().describe('Of the spec that it is about.'),
});

/** Where a card was read. */
export const sources = { mtls: 'over mutual TLS', configmap: "from the signer's ConfigMap", http: 'over plain HTTP' };
const source = z.enum(Object.keys(sources) as (keyof typeof sources)[]);

const reserved = 'Stands in cards of the Go operator; this version does not write it.';

export const agentCardStatusSchema = z.object({
  observedGeneration: z.int().optional().describe('Of the spec that the status is about.'),
  conditions: maybe('The verdict, and what it consists of.', listBy('type', condition)),
  checks: maybe('Every question that was asked about the agent, with its answer.', listBy('name', check)),
  card: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ 'x-kubernetes-preserve-unknown-fields': true, 'x-kubernetes-map-type': 'atomic' })
    .describe('The published card.'),
  agentName: shortText(longestName)
    .optional()
    .describe("The card's name on one line, without what hides or moves text."),
  cardTruncated: z.boolean().optional().describe('Prose of the card was cut to fit.'),
  cardId: hash().optional().describe('SHA-256 of the card in canonical form (RFC 8785) without signatures.'),
  history: maybe(
    'The last five cardIds, newest first.',
    z.array(z.object({ cardId: hash().describe('Which card.'), time: time().describe('Since when.') })).max(5),
  ),
  lastSyncTime: time().optional().describe('When cardId last changed.'),
  protocol: shortText(63).optional().describe('The protocol that the workload is labelled with.'),
  targetRef: targetRef.optional().describe('The workload that was found.'),
  source: source.optional().describe('Where the card came from.'),
  url: chosenText().optional().describe('The preferred address that the card names.'),
  replicas: part('Pods of the workload behind its Service.', {
    ready: z.int().describe('Those that are ready.'),
    attested: z.int().describe('Those that the evidence covers.'),
  }),
  validSignature: z.boolean().optional().describe('Whether a signature is good.'),
  signatureVerificationDetails: chosenText().optional().describe('What was found about the signatures.'),
  signatureKeyId: chosenText().optional().describe('Key id that the decisive signature names.'),
  signatureSpiffeId: chosenText().optional().describe('Who made the good signature.'),
  signatureIdentityMatch: z.boolean().optional().describe('Whether that is an expected SPIFFE ID.'),
  canonicalForm: shortText(63).optional().describe('The canonical form over which the signature holds.'),
  seen: part('The signature that was seen while its certificate was valid.', {
    payloadSha256: hash().describe('Of the signed bytes.'),
    protectedSha256: hash().describe('Of the protected header.'),
    issuerSha256: hash().describe('Of the authority that the chain led to.'),
    notAfter: time().describe("The certificate's end."),
  }),
  attestedAgentSpiffeId: chosenText().optional().describe('The SPIFFE ID that the agent proved over mutual TLS.'),
  expectedSpiffeID: maybe('The SPIFFE ID that the agent must prove.', shortText(16 * 2_050)),
  bindingStatus: part('The condition Bound, where the Go operator has it.', {
    bound: z.boolean().describe('Whether the proven identity is the expected one.'),
    reason: shortText(1024).optional().describe('That of the condition Bound.'),
    message: chosenText().optional().describe('That of the condition Bound.'),
    lastEvaluationTime: time().optional().describe('When bound last changed.'),
  }),
  heldSince: time().optional().describe('Since when the verdict rests on earlier evidence.'),
  identityExpiresAt: time().optional().describe("The end of the agent's certificate, as of the last write."),
  signedUntil: time().optional().describe("The end of the signer's certificate."),
  quarantine: part('Who cuts the agent off, and why.', {
    by: z
      .enum(['card', 'sibling', 'list', 'neighbour'])
      .describe(
        'This card, another of its workload, the list, or the card of another workload whose policy chooses its pods.',
      ),
    subject: shortText(2_100).optional().describe('Which card, or which entry of the list.'),
    reason: shortText(256).describe('Why.'),
  }),
  covered: shortText(longestCovered)
    .optional()
    .describe('The pods whose evidence outlives a restart: 12 bytes of a SHA-256 each, in base64url; at most 1,024.'),
  callers: callersStatus,
  policy: part('The NetworkPolicy of this card.', {
    mode: shortText(63).describe('Why it is there: enforce or quarantine.'),
    name: shortText(253).describe('Its name.'),
  }),
  sigstoreBundleVerified: z.boolean().optional().describe(reserved),
  sigstoreIdentity: chosenText().optional().describe(reserved),
  rekorLogIndex: chosenText().optional().describe(reserved),
  slsaRepository: chosenText().optional().describe(reserved),
  slsaCommitSHA: chosenText().optional().describe(reserved),
});

export type TargetRef = z.infer<typeof targetRef>;
export type Check = z.infer<typeof check>;
type WholeSpec = z.infer<typeof agentCardSpecSchema>;
/** Cards that were stored under another operator's definition may lack a target. */
export type AgentCardSpec = Omit<WholeSpec, 'targetRef'> & Partial<Pick<WholeSpec, 'targetRef'>>;
/** Conditions as every Kubernetes kind has them; the schema above is the same shape. */
export type AgentCardStatus = Omit<z.infer<typeof agentCardStatusSchema>, 'conditions'> & {
  conditions?: Condition[] | undefined;
};

export interface AgentCard extends KubeObject {
  readonly spec: AgentCardSpec;
  readonly status?: AgentCardStatus;
}
