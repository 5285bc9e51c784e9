import type { AgentCard } from '../../src/operator/api/agentcard.ts';
import type { Cluster } from '../../test/cluster/cluster.ts';
import { seconds } from '../../test/cluster/progress.ts';
import { primaryTrustDomain } from '../../test/cluster/trust-domain.ts';
import { until } from '../../test/cluster/until.ts';
import { namespace } from './verdicts.ts';

type Commands = Pick<Cluster, 'kubectl'>;
type Print = (text?: string) => void;

const agents = ['-n', namespace];
const operator = ['-n', 'agentcard-system'];
const operatorPods = ['pods', '-l', 'app.kubernetes.io/name=agentcard-operator'];
/** What each step must bring about: the condition of agent weather, by its status and reason. */
const verified = 'True mTLSVerified';
const held = 'True EvidenceHeld';

/**
 * SPIRE stopped and started again, and what its users see: nothing while everybody holds an SVID; a held verdict, with its
 * labels and policies, when the operator has none; trust within seconds when SPIRE is back. Needs the three agents.
 */
export async function stopAndStartSpire(cluster: Commands, print: Print): Promise<void> {
  const spire = primaryTrustDomain(cluster);
  try {
    print("1. SPIRE's agent is stopped. Whoever holds an SVID holds it for up to an hour: nothing changes.");
    await spire.stopAgent();
    await refresh(cluster);
    await verdict(cluster, verified);
    await show(cluster, print);

    print(
      '\n2. Meanwhile the operator is restarted. It has no identity to ask with now: the last verdict is held, labels and',
    );
    print('   policies stay, and Ready says why nobody was asked.');
    await cluster.kubectl([...operator, 'delete', ...operatorPods]);
    await verdict(cluster, held);
    await show(cluster, print);
  } finally {
    print("\n3. SPIRE's agent is started again.");
    await spire.startAgent();
  }
  const begin = Date.now();
  await verdict(cluster, verified);
  print(`   Proven anew ${seconds(Date.now() - begin)} later; no label had to be taken off or put on.`);
  await show(cluster, print);
}

async function refresh(cluster: Commands): Promise<void> {
  const value = `agent.kagenti.dev/refresh=${process.hrtime.bigint()}`;
  await cluster.kubectl([...agents, 'annotate', '--overwrite', 'agentcard', 'weather', value]);
}

async function verdict(cluster: Commands, wanted: string): Promise<void> {
  const what = `agent weather to be Verified ${wanted}`;
  await until({ what, timeoutMs: 120_000, everyMs: 500 }, async () => {
    const { status } = await weather(cluster);
    const found = status?.conditions?.find(({ type }) => type === 'Verified');
    return `${found?.status} ${found?.reason}` === wanted || undefined;
  });
}

async function weather(cluster: Commands): Promise<AgentCard> {
  return JSON.parse(await cluster.kubectl([...agents, 'get', 'agentcard', 'weather', '-o', 'json'])) as AgentCard;
}

/** What a person would look at. */
async function show(cluster: Commands, print: Print): Promise<void> {
  const shown = [
    ['get', 'agentcards', 'weather'],
    ['get', 'pods', '-l', 'app=weather', '-L', 'agent.kagenti.dev/signature-verified'],
  ];
  for (const command of shown) {
    print(`   $ kubectl ${[...agents, ...command].join(' ')}`);
    const table = await cluster.kubectl([...agents, ...command]);
    for (const line of table.trimEnd().split('\n')) print(`   ${line}`);
  }
  const { status } = await weather(cluster);
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  print(`   Ready: ${ready?.message}`);
  if (status?.heldSince !== undefined)
    print(`   Held since ${status.heldSince}, for ten minutes (--evidence-ttl) at most.`);
}
