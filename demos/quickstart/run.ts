import { CommandError, run } from '../../test/cluster/command.ts';
import { install, release } from './install.ts';
import { sendPackets } from './packets.ts';
import { confirmed, currentCluster, ownNode, type Place, stopNode } from './place.ts';
import { ownProcesses, stopProcesses } from './processes/place.ts';
import { stopAndStartSpire } from './scene-spire.ts';
import { forgeLabel, quarantine, showWritten, stopAndStart } from './scenes.ts';
import { bold, dim, part, print, printTimes, red } from './screen.ts';
import { explain, namespace, tellWhy, watchTable } from './verdicts.ts';

const { env } = process;
const onCurrent = env.CLUSTER === 'current';

const help = `Three agents, their verdicts, why, and what becomes of them.

  make demo             on a control plane that it starts on this machine (Linux), whose pods are processes
  make demo-down        stop it
  make demo-node        on a real node with SPIRE (Linux, root), with packets
  make demo-node-down   stop that

  CLUSTER=current CONFIRM=<context>   either on the cluster of the kubeconfig instead; says how images get there
  IMAGES, TRUST_DOMAIN                where that cluster pulls images from, and its SPIRE's trust domain`;

async function demonstrate(place: Place): Promise<boolean> {
  await install(place);
  const cards = await part('Their verdicts', () => watchTable(place));
  await part('Why', () => {
    tellWhy(cards);
    print();
    return explain(place, 'impostor');
  });
  await part('What was written', () => showWritten(place));
  await part('A label that nobody earned', () => forgeLabel(place));
  await part('A quarantine, and its end', () => quarantine(place));
  await part('The agent stopped, and back', () => stopAndStart(place));
  printTimes();
  if (!onCurrent) print(notShown);
  whatNext(place, 'demo-down');
  return true;
}

const notShown = `
${bold('What this did not show')}
  Packets: nothing filters them here, which is why Enforced says NotProven. SPIRE: a stand-in gave out the SVIDs.
  Containers: the agents are processes, so kubectl logs and exec have nothing to reach.
  make demo-node shows all three on a real node; it needs root, and half an hour for its first build.`;

async function demonstrateOnNode(place: Place): Promise<boolean> {
  await install(place);
  const cards = await part('Their verdicts', () => watchTable(place));
  await part('Why', async () => tellWhy(cards));
  const good = await part('Packets', () => sendPackets(place));
  if (!onCurrent) await part('SPIRE stopped, and started again', () => stopAndStartSpire(place, print));
  printTimes();
  whatNext(place, 'demo-node-down');
  return good;
}

function whatNext(place: Place, downTarget: string): void {
  const inNamespace = `kubectl -n ${namespace}`;
  const commands: [string, string][] = [
    ['npx --no-install kubectl-agentcard ui', 'all of it on a page in your browser'],
    [`${inNamespace} describe agentcard impostor`, 'every check, with what was expected and seen'],
    [`${inNamespace} get pods -L agent.kagenti.dev/signature-verified`, 'who wears the label'],
    [`${inNamespace} get networkpolicies -o yaml`, 'what the verdicts became'],
    [`${inNamespace} delete pod -l app=weather`, 'new pods prove themselves anew'],
    [
      `${inNamespace} patch agentcard weather --type merge -p '{"spec":{"quarantine":{"reason":"drill"}}}'`,
      'cut it off',
    ],
    [`${inNamespace} get events --field-selector involvedObject.kind=AgentCard`, 'what happened so far'],
  ];
  print(`\n${bold('What to try next')}`);
  for (const line of place.access) print(`  ${line}`);
  for (const [command, why] of commands) print(`  ${command}  ${dim(`# ${why}`)}`);
  const other = onCurrent ? `CLUSTER=current CONFIRM=${env.CONFIRM} ` : '';
  print(`\nStop with: ${bold(`${other}make ${downTarget}`)}`);
}

async function removeFromCurrent(): Promise<void> {
  await confirmed(env.CONFIRM);
  await run('kubectl', ['delete', 'namespace', namespace, '--ignore-not-found']);
  await run('helm', ['uninstall', ...release, '--ignore-not-found']);
  print(
    'The agents and the operator are gone; the AgentCard kind stays: kubectl delete crd agentcards.agent.kagenti.dev',
  );
}

async function main(args: readonly string[]): Promise<number> {
  const onNode = args.includes('--node');
  const isDown = args.includes('--down');
  if (args.some((arg) => arg !== '--node' && arg !== '--down')) {
    print(help);
    return args[0] === '--help' ? 0 : 2;
  }
  if (env.CLUSTER && !onCurrent)
    throw new CommandError(
      `CLUSTER=${env.CLUSTER}: leave it unset for a cluster on this machine, or set it to current`,
    );
  if (isDown) {
    await (onCurrent ? removeFromCurrent : onNode ? stopNode : stopProcesses)();
    return 0;
  }
  const place = await (onCurrent ? currentCluster(env) : onNode ? ownNode() : ownProcesses());
  return (await (onNode ? demonstrateOnNode : demonstrate)(place)) ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`\n${red(error instanceof Error ? error.message : String(error))}\n`);
    process.exit(error instanceof CommandError ? 2 : 1);
  },
);
