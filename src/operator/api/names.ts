/**
 * The names by which the Go operator, which this one succeeds, has gone. When it is renamed, one more line here is all; the
 * first one's kind and labels are ours as well.
 */
const projects = [
  { labels: 'kagenti.io', domain: 'kagenti.dev', operator: 'kagenti-operator' },
  { labels: 'rossoctl.io', domain: 'rossoctl.dev', operator: 'rossoctl-operator' },
] as const;

/** Every name of such a project on a cluster. */
function familyOf({ labels, domain, operator }: (typeof projects)[number]) {
  const group = `agent.${domain}`;
  const own = `agentcard.${domain}`;
  return {
    operator,
    group,
    /** On workloads, by people; of the protocol, newest first. An AgentRuntime sets the first, and `operator` as the manager. */
    type: `${labels}/type`,
    protocolPrefix: `protocol.${labels}/`,
    deprecatedProtocols: [`${labels}/protocol`, `${labels}/agent-protocol`],
    /** On AgentCards; a card that wears one cannot go once that operator is gone. */
    finalizers: [`${own}/finalizer`, `${own}/network-policy`],
    /** On workloads; the first by prefix, since the card's name follows. */
    workloadAnnotations: [`verified-state.${group}/`, `${own}/bundle-hash`, `${group}/last-verified-state`],
    /** On pod templates. */
    templateAnnotations: [`${own}/resign-trigger`, `${own}/resign-leaf-expiry`],
    verified: `${group}/signature-verified`,
    /** On NetworkPolicies; the value of the type has changed once, and the manager's label has no domain. */
    policyCard: `${domain}/agentcard`,
    policyType: `${domain}/policy-type`,
    policies: `managed-by=${operator},${domain}/policy-type`,
    lease: `b7c4ae34.${domain}`,
  } as const;
}

/** Of the labels that any of them sets or reads. */
export const labelDomains: readonly string[] = projects.flatMap(({ labels, domain }) => [labels, domain]);
export const ownFamily = familyOf(projects[0]);
export const otherFamilies = projects.slice(1).map(familyOf);
export const families = [ownFamily, ...otherFamilies] as const;
export const goOperators: readonly string[] = families.map(({ operator }) => operator);
/** Of its validating webhook, whatever its name. */
export const goWebhook = 'vagentcard.kb.io';
/** How the name of its admission policy ends, which lets nobody else set the label of the type. */
export const goAdmissionPolicy = 'agent-label-protection';

/** What stays of a list of finalizers; undefined when none of them is the Go operator's. */
export function foreignFinalizers(finalizers: readonly string[] = []): readonly string[] | undefined {
  const theirs: readonly string[] = families.flatMap(({ finalizers }) => finalizers);
  return finalizers.some((each) => theirs.includes(each))
    ? finalizers.filter((each) => !theirs.includes(each))
    : undefined;
}
