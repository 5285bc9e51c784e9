import { guilts } from '../../src/operator/judge/conditions.ts';

export interface Alert {
  readonly name: string;
  readonly expr: string;
  readonly for: string;
  readonly severity: 'critical' | 'warning';
  readonly summary: string;
  /** What to look at, and what to do. */
  readonly description: string;
}

// Every replica has full caches and tells the same about cards, so cards are counted by max, never by sum.
export const alerts: readonly Alert[] = [
  {
    name: 'AgentCardNoLeader',
    expr: 'max(leader_election_master_status) < 1 or absent(leader_election_master_status)',
    for: '2m',
    severity: 'critical',
    summary: 'No replica of agentcard-operator leads',
    description:
      'Verdicts, labels and NetworkPolicies stay as they are, whatever happens. Look at the pods and their logs.',
  },
  {
    name: 'AgentCardGuilty',
    expr: `max by (namespace, reason) (agentcard_cards{ready="False", reason=~"${[...guilts].join('|')}"}) > 0`,
    for: '1m',
    severity: 'warning',
    summary: '{{ $value }} AgentCards of namespace {{ $labels.namespace }} are refused: {{ $labels.reason }}',
    description:
      'kubectl get agentcards -n {{ $labels.namespace }} names them; kubectl describe agentcard says who answered and what to do.',
  },
  {
    name: 'AgentCardNotEnforced',
    // Off and Audit are what people chose; what is pending mends itself within seconds, or not at all.
    expr: 'max by (namespace, reason) (agentcard_enforced_cards{enforced="False", reason!~"Off|Audit"}) > 0',
    for: '10m',
    severity: 'warning',
    summary:
      'The network does not do what was decided for {{ $value }} agents of namespace {{ $labels.namespace }}: {{ $labels.reason }}',
    description:
      "The condition Enforced of each card names what stands in the way: another's NetworkPolicy, or a refusal.",
  },
  {
    name: 'AgentCardHeld',
    expr: 'max(agentcard_held_cards) > 0',
    for: '5m',
    severity: 'warning',
    summary: '{{ $value }} agents do not answer; their verdict is held',
    description:
      'They lose trust when --evidence-ttl is over. Look at the agents, and at the NetworkPolicies around them.',
  },
  {
    name: 'AgentCardFleetBrake',
    expr: 'max(agentcard_fleet_brake_engaged) > 0',
    for: '1m',
    severity: 'critical',
    summary: 'So many agents fell silent at once that every verdict is held',
    description: 'Look for one common cause: SPIRE, the network, the operator itself. Trust ends at --max-hold.',
  },
  {
    name: 'AgentCardIdentityLost',
    expr: 'max by (state) (agentcard_identity_state{state=~"denied|expired"}) > 0',
    for: '5m',
    severity: 'critical',
    summary: "The operator's own SPIFFE identity is {{ $labels.state }}",
    description:
      "Agents cannot be asked over mutual TLS. Look at the operator's registration entry and at the SPIRE agent on its node.",
  },
  {
    name: 'AgentCardOwnIdentityEnds',
    // A share of the longest time left that was seen, since lifetimes are anybody's choice; SPIRE renews at half of it.
    expr: 'min(agentcard_svid_expires_in_seconds / max_over_time(agentcard_svid_expires_in_seconds[6h])) < 0.2',
    for: '1m',
    severity: 'warning',
    summary: "The operator's own SVID was not renewed, and has {{ $value | humanizePercentage }} of its time left",
    description: "When it ends agents cannot be asked over mutual TLS. Look at SPIRE's agent on the operator's node.",
  },
  {
    name: 'AgentCardIdentityEnds',
    // Each pod is asked again at 80 % of its certificate's life. Where lives are short the earliest end moves all the time.
    expr: 'min by (namespace) (agentcard_identity_expiration_timestamp_seconds) - time() < 300 and max by (namespace) (changes(agentcard_identity_expiration_timestamp_seconds[5m])) == 0',
    for: '1m',
    severity: 'warning',
    summary: 'An agent of namespace {{ $labels.namespace }} still serves with a certificate that ends within minutes',
    description: 'It loses trust then. Look whether the agent takes up the SVIDs that SPIRE renews.',
  },
  {
    name: 'AgentCardTrustBundleEnds',
    expr: 'min by (trust_domain) (agentcard_trust_bundle_expires_in_seconds) < 3600',
    for: '5m',
    severity: 'critical',
    summary: 'The last authority of trust domain {{ $labels.trust_domain }} ends within the hour',
    description:
      'Nothing of that trust domain can be verified afterwards. Look at the SPIRE server, or renew the bundle.',
  },
  {
    name: 'AgentCardWatchDeaf',
    expr: 'max by (resource) (watch_deaf) > 0',
    for: '5m',
    severity: 'warning',
    summary: 'A replica does not hear of changes of {{ $labels.resource }}',
    description: 'Look at watch_failures_total and the log: a missing right, or an API server that does not answer.',
  },
  {
    name: 'AgentCardReconcileErrors',
    expr: 'sum by (controller) (rate(controller_runtime_reconcile_errors_total[10m])) > 0.1',
    for: '15m',
    severity: 'warning',
    summary: 'Reconciles of {{ $labels.controller }} keep failing',
    description:
      'The log says of which object and why; most often the API server or an admission policy refuses a write.',
  },
  {
    name: 'AgentCardNetworkNotEnforcing',
    expr: 'max(agentcard_network_proof{state="refuted"}) > 0',
    for: '1m',
    severity: 'critical',
    summary: 'The network lets through what NetworkPolicies deny',
    description:
      'Nothing that the operator writes stops a packet there. kubectl describe agentcard names the pool of nodes.',
  },
  {
    name: 'AgentCardQuarantineListMalformed',
    expr: 'max(agentcard_quarantine_list_malformed) > 0',
    for: '1m',
    severity: 'critical',
    summary: 'ConfigMap agentcard-quarantine cannot be read',
    description:
      'The last good list stands, and the latest change is not in force. The Event of the ConfigMap says what is wrong.',
  },
];
