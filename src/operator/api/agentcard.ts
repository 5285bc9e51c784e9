import type { Condition, KubeObject } from '@agentcard-operator/kube/objects';
import * as z from 'zod';
import { longestText } from './budget.ts';
import { customResources } from './resources.ts';
import { durationMs, goDuration } from './time.ts';

/** The AgentCard kind. `make generate` writes the CRD from these schemas; keys starting with x-kubernetes- pass through. */

/** A text that fits a pattern, refused by the API server in words: "should match '^(…" helps nobody. */
const fitting = (pattern: RegExp, message: string) =>
  z
    .string()
    .refine((text) => pattern.test(text), message)
    .meta({ 'x-kubernetes-validations': [{ rule: `self.matches(${celText(pattern.source)})`, message }] });

const celText = (text: string) => `'${text.replaceAll('\\/', '/').replaceAll('\\', '\\\\')}'`;

const shortText = (max: number) => z.string().max(max);
/** What an agent may have chosen. */
const chosenText = () => shortText(longestText);
/** SHA-256 in hexadecimal. */
const hash = () => shortText(64);
const time = () => z.string().meta({ format: 'date-time' });

const spiffeId = fitting(
  /^spiffe:\/\/[a-z0-9._-]{1,255}(\/[A-Za-z0-9._-]+)+$/,
  'must be a SPIFFE ID with a path, such as spiffe://example.org/ns/default/sa/agent',
);

const shortestPeriod = '5s';
const periodMessage = `syncPeriod must be a duration of at least ${shortestPeriod}, such as 30s, 5m or 1h30m`;
const syncPeriod = z
  .string()
  .max(64)
  .refine((text) => (durationMs(text) ?? 0) >= (durationMs(shortestPeriod) ?? 0), periodMessage)
  .meta({
    'x-kubernetes-validations': [
      {
        // The pattern comes first: a rule that errs, as duration() does on other texts, would freeze stored objects.
        rule: `self.matches(${celText(goDuration.source)}) && duration(self) >= duration('${shortestPeriod}')`,
        message: periodMessage,
      },
    ],
  });

const targetRef = z.object({
  apiVersion: z.string().min(1).max(253).describe('API version of the workload, for example apps/v1.'),
  kind: z.string().min(1).max(63).describe('Kind of the workload: Deployment, StatefulSet or Sandbox.'),
  name: z.string().min(1).max(253).describe('Name of the workload in the namespace of the card.'),
});

const identityBinding = z.object({
  trustDomain: fitting(/^[a-zA-Z0-9]([a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/, 'must be a trust domain, such as example.org')
    .max(255)
    .optional()
    .describe("Trust domain of the agent's identity. Default: the operator's. Ignored under --strict-binding=floor."),
  strict: z
    .boolean()
    .optional()
    .describe('Whether another identity than the expected one fails the verdict. Default: --strict-binding.'),
  allowedSpiffeIDs: z
    .array(spiffeId.max(2048))
    .max(16)
    .optional()
    .describe(
      "The only SPIFFE IDs that may serve or sign this card. Default: the workload's own identity. Ignored under --strict-binding=floor.",
    ),
});

export const agentCardSpecSchema = z
  .object({
    targetRef: targetRef.optional().describe('The workload that serves this card.'),
    syncPeriod: syncPeriod
      .default('5m')
      .describe('How often one pod of the agent is asked again, as a Go duration; at least 5s.'),
    identityBinding: identityBinding.optional().describe('Which identity the agent must prove.'),
    sigstoreVerification: z
      .object({ certificateIdentity: shortText(2048).optional(), certificateOIDCIssuer: shortText(2048).optional() })
      .optional()
      .describe('Accepted for compatibility; this version does not act on it.'),
    endpoint: z
      .object({
        service: z.string().min(1).max(253).optional().describe('Name of the Service that leads to the agent.'),
        port: z.string().min(1).max(63).optional().describe('Name of the Service port for plain HTTP.'),
        path: fitting(/^\//, 'must start with /')
          .max(1024)
          .optional()
          .describe('Path of the card. Default: the well-known ones.'),
      })
      .optional()
      .describe('Where the agent answers, when the defaults do not find it.'),
    approvedCardId: fitting(/^[0-9a-f]{64}$/, 'must be a cardId: 64 characters from 0-9 and a-f')
      .optional()
      .describe('Only a card with this cardId is trusted.'),
    suspend: z.boolean().optional().describe('Stops asking the agent. Evidence ages; enforcement goes on.'),
    quarantine: z
      .object({ reason: z.string().min(1).max(256) })
      .optional()
      .describe('Cuts the agent off the network now, whatever it proves.'),
  })
  .meta({
    'x-kubernetes-validations': [
      { rule: 'has(self.targetRef)', message: 'spec.targetRef is required: name the workload that serves this card' },
    ],
  });

const check = z.object({
  name: shortText(63),
  result: z.enum(['pass', 'fail', 'unknown', 'skipped']),
  expected: chosenText().optional(),
  observed: chosenText().optional(),
  hint: chosenText().optional(),
});

const condition = z.object({
  type: z.string().max(316),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().max(1024),
  message: z.string().max(32768),
  lastTransitionTime: time(),
  observedGeneration: z.int().optional(),
});

export const agentCardStatusSchema = z.object({
  observedGeneration: z.int().optional(),
  conditions: z
    .array(condition)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
  checks: z
    .array(check)
    .optional()
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] })
    .describe('Every question that was asked about the agent, with its answer.'),
  card: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ 'x-kubernetes-preserve-unknown-fields': true, 'x-kubernetes-map-type': 'atomic' })
    .describe('The published card.'),
  cardTruncated: z.boolean().optional().describe('Prose of the card was cut to fit.'),
  cardId: hash().optional().describe('SHA-256 of the card in canonical form (RFC 8785) without signatures.'),
  history: z
    .array(z.object({ cardId: hash(), time: time() }))
    .max(5)
    .optional()
    .describe('The last five cardIds, newest first.'),
  lastSyncTime: time().optional().describe('When cardId last changed.'),
  protocol: shortText(63).optional(),
  targetRef: targetRef.optional(),
  source: z.enum(['mtls', 'configmap', 'http']).optional().describe('Where the card came from.'),
  url: chosenText().optional().describe('The preferred address that the card names.'),
  replicas: z.object({ ready: z.int(), attested: z.int() }).optional(),
  validSignature: z.boolean().optional(),
  signatureVerificationDetails: chosenText().optional(),
  signatureKeyId: chosenText().optional(),
  signatureSpiffeId: chosenText().optional(),
  signatureIdentityMatch: z.boolean().optional(),
  canonicalForm: shortText(63).optional().describe('The canonical form over which the signature holds.'),
  seen: z
    .object({ payloadSha256: hash(), protectedSha256: hash(), issuerSha256: hash(), notAfter: time() })
    .optional()
    .describe('The signature that was seen while its certificate was valid.'),
  attestedAgentSpiffeId: chosenText().optional().describe('The SPIFFE ID that the agent proved over mutual TLS.'),
  expectedSpiffeID: shortText(16 * 2_050)
    .optional()
    .describe('The SPIFFE ID that the agent must prove.'),
  bindingStatus: z
    .object({
      bound: z.boolean(),
      reason: shortText(1024).optional(),
      message: chosenText().optional(),
      lastEvaluationTime: time().optional(),
    })
    .optional(),
  heldSince: time().optional().describe('Since when the verdict rests on earlier evidence.'),
  identityExpiresAt: time().optional(),
  signedUntil: time().optional(),
  quarantine: z
    .object({ by: z.enum(['card', 'sibling', 'list']), subject: shortText(2_100).optional(), reason: shortText(256) })
    .optional()
    .describe('Who cuts the agent off, and why.'),
  policy: z.object({ mode: shortText(63), name: shortText(253) }).optional(),
  sigstoreBundleVerified: z.boolean().optional(),
  sigstoreIdentity: chosenText().optional(),
  rekorLogIndex: chosenText().optional(),
  slsaRepository: chosenText().optional(),
  slsaCommitSHA: chosenText().optional(),
});

export type TargetRef = z.infer<typeof targetRef>;
export type Check = z.infer<typeof check>;
export type AgentCardSpec = z.infer<typeof agentCardSpecSchema>;
/** Conditions as every Kubernetes kind has them; the schema above is the same shape. */
export type AgentCardStatus = Omit<z.infer<typeof agentCardStatusSchema>, 'conditions'> & {
  conditions?: Condition[] | undefined;
};

export interface AgentCard extends KubeObject {
  readonly spec: AgentCardSpec;
  readonly status?: AgentCardStatus;
}

/** kubectl columns; priority 1 is shown by -o wide. */
export const printerColumns = [
  column('Protocol', '.status.protocol'),
  column('Kind', '.spec.targetRef.kind'),
  column('Target', '.spec.targetRef.name'),
  column('Agent', '.status.card.name'),
  column('Verified', conditionPath('Verified', 'status')),
  column('Bound', conditionPath('Bound', 'status')),
  column('Synced', conditionPath('Synced', 'status')),
  column('Ready', conditionPath('Ready', 'status')),
  column('Reason', conditionPath('Ready', 'reason')),
  column('Source', '.status.source', { priority: 1 }),
  column('AttestedAgent', '.status.attestedAgentSpiffeId', { priority: 1 }),
  column('Signer', '.status.signatureSpiffeId', { priority: 1 }),
  column('Replicas', '.status.replicas.attested', { priority: 1, type: 'integer' }),
  column('CardId', '.status.cardId', { priority: 1 }),
  column('Changed', '.status.lastSyncTime', { priority: 1, type: 'date' }),
  column('Age', '.metadata.creationTimestamp', { type: 'date' }),
] as const;

export const kindNames = {
  ...customResources.agentCards,
  singular: 'agentcard',
  shortNames: ['cards'],
  categories: ['a2a'],
} as const;

function column(name: string, jsonPath: string, more: { priority?: number; type?: string } = {}) {
  return { name, type: 'string', jsonPath, ...more };
}

function conditionPath(type: string, field: 'status' | 'reason'): string {
  return `.status.conditions[?(@.type=="${type}")].${field}`;
}
