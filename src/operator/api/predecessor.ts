/** What the Go operator, which this one succeeds, leaves on objects of a cluster. */
export const predecessor = {
  managedBy: 'kagenti-operator',
  /** On AgentCards; a card that wears one cannot go once that operator is gone. */
  finalizers: ['agentcard.kagenti.dev/finalizer', 'agentcard.kagenti.dev/network-policy'],
  /** On workloads; the first by prefix, since the card's name follows. */
  workloadAnnotations: [
    'verified-state.agent.kagenti.dev/',
    'agentcard.kagenti.dev/bundle-hash',
    'agent.kagenti.dev/last-verified-state',
  ],
  /** On pod templates. */
  templateAnnotations: ['agentcard.kagenti.dev/resign-trigger', 'agentcard.kagenti.dev/resign-leaf-expiry'],
  lease: 'b7c4ae34.kagenti.dev',
  webhook: 'vagentcard.kb.io',
} as const;

/** What stays of a list of finalizers; undefined when none of them is the predecessor's. */
export function foreignFinalizers(finalizers: readonly string[] = []): readonly string[] | undefined {
  const own: readonly string[] = predecessor.finalizers;
  return finalizers.some((each) => own.includes(each)) ? finalizers.filter((each) => !own.includes(each)) : undefined;
}
