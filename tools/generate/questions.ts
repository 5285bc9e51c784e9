/** An entry of the ladder, as the reference shows it. */
export interface Question {
  readonly name: string;
  readonly about: 'card' | 'pod';
  /** A sentence. */
  readonly asks: string;
  readonly decides: readonly Decision[];
}

interface Decision {
  readonly condition: string;
  readonly reason: string;
  /** Guilt counts at once; absence leaves the last verdict standing for a while. */
  readonly weight?: string;
}

const lacks = (condition: string, ...reasons: string[]): Decision[] => reasons.map((reason) => ({ condition, reason }));
const absence = (condition: string, reason: string): Decision => ({ condition, reason, weight: 'absence' });
const guilt = (condition: string, reason: string): Decision => ({ condition, reason, weight: 'guilt' });

/**
 * STANDS IN for the list of src/operator/judge/questions.ts, which is to be imported in reference.ts in its place:
 * `import { questions } from '../../src/operator/judge/questions.ts';`. The names are those of a status's checks.
 */
export const questions: readonly Question[] = [
  {
    name: 'workload',
    about: 'card',
    asks: 'Does `spec.targetRef` name a Deployment, StatefulSet or Sandbox that is labelled as an A2A agent, and is this its only card?',
    decides: [
      ...lacks('Synced', 'WorkloadNotFound', 'NotAgentWorkload', 'NoProtocol', 'Conflict'),
      ...lacks('Bound', 'WorkloadUnresolved'),
    ],
  },
  {
    name: 'endpoint',
    about: 'card',
    asks: 'Does one Service lead to pods of that workload, and to no others?',
    decides: ['ServiceNotFound', 'AmbiguousService', 'WorkloadNotReady'].map((reason) => absence('Synced', reason)),
  },
  {
    name: 'transport',
    about: 'pod',
    asks: 'Does the pod complete a mutual TLS handshake with an X509-SVID of an expected trust domain that is valid now?',
    decides: [
      ...lacks('Verified', 'NotVerified'),
      absence('Synced', 'FetchFailed'),
      guilt('Verified', 'IdentityMismatch'),
      guilt('Bound', 'NoIdentity'),
    ],
  },
  {
    name: 'server-identity',
    about: 'pod',
    asks: 'Is the SPIFFE ID in its certificate one of the expected ones, compared whole?',
    decides: [
      guilt('Verified', 'IdentityMismatch'),
      guilt('Bound', 'SpiffeIDMismatch'),
      guilt('Bound', 'TrustDomainMismatch'),
    ],
  },
  {
    name: 'signature',
    about: 'pod',
    asks: 'Is one signature good over a full canonical form, with an x5c chain to the bundle of its signer’s own trust domain?',
    decides: [
      guilt('Verified', 'SignatureInvalid'),
      guilt('SignatureVerified', 'SignatureInvalid'),
      ...lacks('SignatureVerified', 'SignatureMissing', 'SignatureExpired', 'SignerUntrusted'),
    ],
  },
  {
    name: 'signer-identity',
    about: 'pod',
    asks: 'Is the signer one of the expected SPIFFE IDs?',
    decides: [guilt('Verified', 'SignatureInvalid')],
  },
  {
    name: 'signer-is-server',
    about: 'pod',
    asks: 'Over mutual TLS: is the signer who served the card?',
    decides: [guilt('Bound', 'SignerIsNotServer')],
  },
  {
    name: 'approval',
    about: 'pod',
    asks: 'Is the card the one in `spec.approvedCardId`?',
    decides: [guilt('Verified', 'CardNotApproved')],
  },
  {
    name: 'replicas',
    about: 'card',
    asks: 'Do all pods of one revision serve the same card?',
    decides: lacks('Synced', 'ReplicasDisagree'),
  },
];
