import type { Settings } from '../settings/settings.ts';
import type { AgentCardStatus } from './agentcard.ts';
import { agentTypeLabel, agentTypeValue, enforcementLabel, protocolLabelPrefix, tlsPortName } from './labels.ts';

/**
 * Every condition, every reason, and what to do about it. The reference's table and the end of every condition
 * message come from here, so that what a user reads is the same everywhere.
 */
export const reasons = {
  Synced: {
    SyncSucceeded: '',
    WorkloadNotFound: 'Create the workload or correct spec.targetRef.',
    NotAgentWorkload: `Label the workload ${agentTypeLabel}=${agentTypeValue}, or point spec.targetRef at a supported kind.`,
    WorkloadNotReady: 'Scale the workload up, or find out why its pods do not start.',
    NoProtocol: `Label the workload ${protocolLabelPrefix}a2a.`,
    ServiceNotFound: "Create a Service that selects the workload's pods, or name one in spec.endpoint.service.",
    AmbiguousService: 'Name the Service in spec.endpoint.service.',
    FetchFailed: 'Look at the agent: its log, its port, and the NetworkPolicies around it.',
    CardInvalid: 'Correct the card that the agent serves.',
    ReplicasDisagree: 'Roll the workload so that all its pods serve the same card.',
    Suspended: 'Unset spec.suspend to ask the agent again.',
    Conflict:
      'Delete one of the AgentCards; where that one demands something of the workload, it takes the verb trust or quarantine.',
  },
  SignatureVerified: {
    SignatureValid: '',
    SignatureMissing: "Sign the card with an x5c chain of the workload's SVID.",
    SignatureInvalid: 'Sign the card again; it may have been altered after it was signed.',
    SignatureExpired: 'Sign the card again with a current SVID.',
    SignerUntrusted: 'Sign with an SVID of a trust domain whose bundle the operator holds.',
  },
  Bound: {
    Bound: '',
    TrustDomainMismatch: 'Serve with an SVID of the expected trust domain, or set spec.identityBinding.trustDomain.',
    SpiffeIDMismatch:
      'Find out who answers on this address; if it is right, list its ID in spec.identityBinding.allowedSpiffeIDs.',
    NoIdentity: `Serve the card over SPIFFE mutual TLS on the Service port ${tlsPortName}, or sign it.`,
    SignerIsNotServer: "Sign the card with the serving workload's own SVID.",
    WorkloadUnresolved: 'Make spec.targetRef and the Service resolve first; see Synced.',
  },
  Verified: {
    mTLSVerified: '',
    SignatureVerified: '',
    EvidenceHeld: 'Bring the agent back; trust ends when the held evidence does.',
    NotVerified: `Serve the card over SPIFFE mutual TLS on the Service port ${tlsPortName}, or sign it.`,
    SignatureInvalid: 'Sign the card again; it may have been altered after it was signed.',
    FetchFailed: 'Look at the agent: its log, its port, and the NetworkPolicies around it.',
    IdentityMismatch: 'Find out who answers in place of the agent; compare expectedSpiffeID and attestedAgentSpiffeId.',
    CardNotApproved: 'Review the card and approve its cardId in spec.approvedCardId.',
    EvidenceExpired: 'Bring the agent back; it is trusted again as soon as it proves itself.',
    Quarantined: 'Lift the quarantine where it was set, when the agent may run again.',
  },
  Enforced: {
    PolicyApplied: '',
    NotProven:
      'Set networkProbe.enabled=true in the chart, or look at its probe pods in the namespace of the operator.',
    Off: `Set --enforcement=enforce or label the namespace ${enforcementLabel}=enforce.`,
    Audit: 'Set enforcement to enforce when this is what you want.',
    PolicyPending: 'Mend what stands in the way; it is tried again by itself.',
    Weakened: 'Narrow or delete the NetworkPolicy that allows more.',
    NotEnforceable: 'Mend what is named here, or accept that NetworkPolicies do not protect this agent.',
  },
  CallersEnforced: {
    Enforced: '',
    CallerUnknown: 'Correct spec.callers, or create what it names.',
    Audit: 'Set enforcement to enforce when this is what you want.',
    NotEnforceable: 'Mend what Enforced says: until then the list holds nobody back.',
  },
  /** True or absent; what to do is said where each comes from. */
  Stalled: { Quarantined: '', CardNotApproved: '', NotAgentWorkload: '', AmbiguousService: '', Conflict: '' },
  Ready: {
    ReadyToServe: '',
    ReadyUnverified: 'Set --enable-verified-fetch or --enable-signature-verification to have its identity checked.',
  },
} as const;

export type ConditionType = keyof typeof reasons;
export type SyncedReason = keyof typeof reasons.Synced;
export type BoundReason = keyof typeof reasons.Bound;
export type VerifiedReason = keyof typeof reasons.Verified;
export type EnforcedReason = keyof typeof reasons.Enforced;
export type CallersReason = keyof typeof reasons.CallersEnforced;
export type SignatureReason = keyof typeof reasons.SignatureVerified;

/** By its status, the card is trusted. */
export function isVerified(status: Pick<AgentCardStatus, 'conditions'> | undefined): boolean {
  return isTrue(status, 'Verified');
}

/** By its status, the agent can be used. */
export function isReady(status: Pick<AgentCardStatus, 'conditions'> | undefined): boolean {
  return isTrue(status, 'Ready');
}

function isTrue(status: Pick<AgentCardStatus, 'conditions'> | undefined, type: ConditionType): boolean {
  return status?.conditions?.some((told) => told.type === type && told.status === 'True') === true;
}

/** The longest condition message, in characters. */
export const longestMessage = 1024;

/** What to do about a reason; empty when there is nothing to do. */
export function remedy(type: ConditionType, reason: string, tlsPort: string = tlsPortName): string {
  const own: Readonly<Record<string, string>> = reasons[type];
  const words = Object.hasOwn(own, reason) ? (own[reason] ?? '') : '';
  if (words !== '') return words.replace(tlsPortName, tlsPort);
  // These take their reason from the condition that stands in the way.
  const borrows = type === 'Ready' || type === 'Stalled';
  return borrows ? remedy('Verified', reason, tlsPort) || remedy('Synced', reason) : '';
}

/** What to do where the platform lets no card accept another identity. */
export const floorRemedies: Readonly<Record<string, string>> = {
  TrustDomainMismatch:
    'Serve with an SVID of the expected trust domain; --strict-binding=floor ignores spec.identityBinding.trustDomain, unless --floor-allowed-ids lists the ID.',
  SpiffeIDMismatch:
    'Find out who answers on this address; --strict-binding=floor ignores spec.identityBinding.allowedSpiffeIDs, unless --floor-allowed-ids lists the ID.',
};

type Place = Pick<Settings, 'strictBinding' | 'agentTlsPortName'>;

/** What to do about an identity that is not the expected one. */
export function bindingRemedy(reason: string, { strictBinding, agentTlsPortName }: Place): string {
  return (strictBinding === 'floor' ? floorRemedies[reason] : undefined) ?? remedy('Bound', reason, agentTlsPortName);
}

/** What to do when it is the operator itself that cannot ask. */
export const blockedRemedies = {
  NoIdentity: "Look at SPIRE's agent on the operator's node, and at the operator's registration entry.",
  PathNotAllowed: 'Unset spec.endpoint.path, or have the path allowed by --card-paths.',
  NoBundle: 'Federate with that trust domain, and name it in federatesWith of the ClusterSPIFFEID of the operator.',
  Nowhere: 'Leave the EndpointSlices of the Service to Kubernetes alone: one of them leads elsewhere.',
} as const;

/** What to do where the reason's own remedy would mislead. */
export const targetRemedies = {
  unread: 'Have the cluster serve the kind in a version that the operator reads, or update the operator.',
  suspended: 'Resume it, or leave it so.',
} as const;

export type Blocked = keyof typeof blockedRemedies;

/** A condition's message: what was seen, cut to fit, then what to do. */
export function messageWithRemedy(type: ConditionType, reason: string, seen: string, todo = remedy(type, reason)) {
  const room = longestMessage - todo.length - 1;
  const text = seen.length > room ? `${seen.slice(0, room - 1)}…` : seen;
  return todo === '' ? text : `${text} ${todo}`;
}
