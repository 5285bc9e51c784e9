import { attestedAnnotation, verifiedLabel } from '../api/labels.ts';
import { hasCode } from '../kube/client.ts';
import { keyOf, type NetworkPolicy, type Pod, resources } from '../kube/objects.ts';
import { owningCard } from '../network/policy.ts';
import { asking, clusterOptions, type Place, placeOf, visible } from './cluster.ts';
import { type Command, exit, Trouble } from './command.ts';

/** What an operator that is gone would leave behind: labels that open doors, policies that close them. */
export const cleanup: Command = {
  name: 'cleanup',
  summary: 'Take every label and NetworkPolicy of the operator away, after it is uninstalled or stopped',
  operands: [],
  options: { ...clusterOptions, yes: { doc: 'do it; without, it is only said what would be done' } },
  notes: [
    'AgentCards stay. Policies of quarantined agents go as well: cut such agents off by other means first.',
    'A running operator puts everything back: scale it to 0 before.',
  ],
  examples: ['cleanup', 'cleanup --yes'],
  run: async (invocation, io) => {
    const place = await placeOf(invocation);
    const pods = await visible<Pod>(place, resources.pods, `${verifiedLabel}=true`);
    const policies = (await visible<NetworkPolicy>(place, resources.networkPolicies)).filter(owningCard);
    const done = invocation.option('yes') !== undefined;
    if (done) {
      await mustBeStopped(place);
      for (const pod of pods) await asking(unlabel(place, pod));
      for (const policy of policies) await asking(remove(place, policy));
    }
    const what = `the label of ${pods.length} pods, ${policies.length} NetworkPolicies`;
    io.out(done ? `removed: ${what}\n` : `would be removed: ${what}; --yes removes them\n`);
    return exit.ok;
  },
};

async function mustBeStopped(place: Place): Promise<void> {
  const selector = 'app.kubernetes.io/name=agentcard-operator';
  const [running] = await visible<Pod>(place, resources.pods, selector);
  if (running !== undefined) throw new Trouble(`pod ${keyOf(running)} of the operator still runs: scale it to 0 first`);
}

async function unlabel({ client }: Place, pod: Pod): Promise<void> {
  const { uid } = pod.metadata;
  const metadata = { uid, labels: { [verifiedLabel]: null }, annotations: { [attestedAnnotation]: null } };
  await client.patch(resources.pods, keyOf(pod), { metadata }, { type: 'merge' }).catch(goneIsFine);
}

async function remove({ client }: Place, policy: NetworkPolicy): Promise<void> {
  const { uid = '' } = policy.metadata;
  await client.delete(resources.networkPolicies, keyOf(policy), { uid }).catch(goneIsFine);
}

function goneIsFine(error: unknown): void {
  if (!hasCode(error, 404) && !hasCode(error, 409)) throw error;
}
