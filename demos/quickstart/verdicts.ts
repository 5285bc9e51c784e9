import { execFile as execFileCallback } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { AgentCard } from '../../src/operator/api/agentcard.ts';
import type { Place } from './place.ts';
import { bold, Display, dim, green, print, red } from './screen.ts';

const execFile = promisify(execFileCallback);
export const namespace = 'agentcard-demo';
const patienceMs = 120_000;

/** How each agent must end up for the demonstration to have worked. */
const expected: Readonly<Record<string, (card: AgentCard) => boolean>> = {
  weather: (card) => reasonOf(card) === 'ReadyToServe' && card.status?.replicas?.attested === 2,
  notes: (card) => reasonOf(card) === 'NotVerified',
  impostor: (card) => reasonOf(card) === 'IdentityMismatch' && card.status?.attestedAgentSpiffeId !== undefined,
};

const reasonOf = (card: AgentCard) => card.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;

/** `kubectl get agentcards -o wide`, again and again, until every verdict is in. */
export async function watchTable(place: Place): Promise<AgentCard[]> {
  const display = new Display();
  const deadline = Date.now() + patienceMs;
  print(dim(`$ kubectl -n ${namespace} get agentcards -o wide`));
  for (;;) {
    const list = JSON.parse(await place.kubectl(['-n', namespace, 'get', 'agentcards', '-o', 'json']));
    // After what is judged by, so that the last table shows no less.
    display.show((await place.kubectl(['-n', namespace, 'get', 'agentcards', '-o', 'wide'])).trimEnd());
    const cards: AgentCard[] = list.items;
    const missing = Object.entries(expected).filter(
      ([name, fits]) => !cards.some((card) => card.metadata.name === name && fits(card)),
    );
    if (missing.length === 0) {
      display.finish();
      return cards;
    }
    if (Date.now() > deadline) {
      const names = missing.map(([name]) => name).join(', ');
      throw new Error(`no verdict as expected after ${patienceMs / 1000} s for: ${names}. See the operator's log.`);
    }
    await sleep(1_000);
  }
}

export const isAsExpected = (card: AgentCard) => expected[card.metadata.name]?.(card) ?? false;

/** All that is known of one, by the plugin, whose status is 1 where an agent is not Ready. */
export async function explain({ env }: Place, name: string): Promise<void> {
  const args = ['agentcard', 'explain', name, '-n', namespace];
  const plugin = join(import.meta.dirname, '../../src/cli/main.ts');
  const said = await execFile(process.execPath, [plugin, ...args.slice(1)], { env }).catch((error) => error);
  print(`${dim(`$ kubectl ${args.join(' ')}`)}\n${said.stdout}${said.stderr}`.trimEnd());
}

/** Why each card is what it is, in the operator's own words. */
export function tellWhy(cards: readonly AgentCard[]): void {
  for (const { metadata, status } of cards) {
    const ready = status?.conditions?.find(({ type }) => type === 'Ready');
    const paint = ready?.status === 'True' ? green : red;
    print(`${bold(metadata.name)}: ${paint(`Ready ${ready?.status} ${ready?.reason}`)}`);
    print(`  expected identity  ${status?.expectedSpiffeID ?? '-'}`);
    print(`  attested identity  ${status?.attestedAgentSpiffeId ?? '- (none was proven)'}`);
    for (const { type, status: state, reason, message } of status?.conditions ?? []) {
      if (type !== 'Ready') print(`  ${type.padEnd(9)} ${state.padEnd(5)} ${reason}${dim(`  ${message}`)}`);
    }
  }
}
