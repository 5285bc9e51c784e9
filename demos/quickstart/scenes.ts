/** What a verdict becomes, and what becomes of it: each step by the words that a person would type. */
import type { AgentCard } from '../../src/operator/api/agentcard.ts';
import { CommandError } from '../../test/cluster/command.ts';
import { seconds } from '../../test/cluster/progress.ts';
import { until } from '../../test/cluster/until.ts';
import type { Place } from './place.ts';
import { dim, print } from './screen.ts';
import { isAsExpected, namespace } from './verdicts.ts';

const label = 'agent.kagenti.dev/signature-verified';
const labelled = ['get', 'pods', '-L', label];
const weatherRow = ['get', 'agentcards', 'weather'];
const patience = { timeoutMs: 120_000, everyMs: 100 };

/** The labels and the NetworkPolicies. */
export async function showWritten(place: Place): Promise<void> {
  await show(place, labelled);
  await show(place, ['get', 'networkpolicies']);
  await show(place, ['describe', 'networkpolicy', 'weather-signature-policy']);
}

/** A label that was not earned is refused by the chart's admission policy, and else taken off. */
export async function forgeLabel(place: Place): Promise<void> {
  const forge = ['label', 'pods', '-l', 'app=impostor', `${label}=true`];
  try {
    await show(place, forge);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return print(`Refused: ${error.message.trim().split('\n').at(-1)}`);
  }
  const forged = ['-n', namespace, 'get', 'pods', '-l', `app=impostor,${label}`, '-o', 'name'];
  await timed('taken off', 'the forged label to be taken off', async () => (await place.kubectl(forged)) === '');
  await show(place, labelled);
}

export async function quarantine(place: Place): Promise<void> {
  const patch = (reason: string) =>
    show(place, ['patch', 'agentcard', 'weather', '--type=merge', '-p', `{"spec":{"quarantine":${reason}}}`]);
  await patch('{"reason":"drill"}');
  await timed('cut off', 'the quarantine', async () => readyReason(await weather(place)) === 'Quarantined');
  await show(place, weatherRow);
  await show(place, labelled);
  await patch('null');
  await proven(place);
}

export async function stopAndStart(place: Place): Promise<void> {
  const scale = (replicas: number) => show(place, ['scale', 'deployment', 'weather', `--replicas=${replicas}`]);
  await scale(0);
  const isGone = async () => readyReason(await weather(place)) === 'WorkloadNotReady';
  await timed('said to be gone', 'the agent to be gone', isGone);
  await show(place, weatherRow);
  await scale(2);
  await proven(place);
}

async function proven(place: Place): Promise<void> {
  await timed('proven anew', 'agent weather to be proven', async () => isAsExpected(await weather(place)));
  await show(place, weatherRow);
}

async function weather(place: Place): Promise<AgentCard> {
  return JSON.parse(await place.kubectl(['-n', namespace, ...weatherRow, '-o', 'json'])) as AgentCard;
}

const readyReason = ({ status }: AgentCard) => status?.conditions?.find(({ type }) => type === 'Ready')?.reason;

async function timed(done: string, what: string, ask: () => Promise<boolean>): Promise<void> {
  const begin = Date.now();
  await until({ ...patience, what }, async () => (await ask()) || undefined);
  print(`(${done} after ${seconds(Date.now() - begin)})`);
}

async function show(place: Place, command: readonly string[]): Promise<void> {
  const shown = command.map((word) => (/[{ ]/.test(word) ? `'${word}'` : word)).join(' ');
  print(dim(`$ kubectl -n ${namespace} ${shown}`));
  print((await place.kubectl(['-n', namespace, ...command])).trimEnd());
}
