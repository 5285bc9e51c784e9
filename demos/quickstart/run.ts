import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, run } from '../../test/cluster/command.ts';
import { terminalProgress } from '../../test/cluster/progress.ts';
import { operatorImage } from '../agents/images.ts';
import { sendPackets } from './packets.ts';
import { confirmed, currentCluster, ownNode, type Place, stopNode } from './place.ts';
import { stopAndStartSpire } from './scene-spire.ts';
import { bold, dim, part, print, printTimes, red } from './screen.ts';
import { explain, namespace, watchTable } from './verdicts.ts';

const release = ['agentcard-operator', '--namespace', 'agentcard-system'];
const progress = terminalProgress();
const { env } = process;

const help = `The main job on a real node: three agents, their verdicts, why, and packets.

  make demo-node        on a node that it starts on this machine (Linux, root)
  make demo-node-down   stop it

  CLUSTER=current CONFIRM=<context>   on the cluster of the kubeconfig instead; says how images get there
  IMAGES, TRUST_DOMAIN                where that cluster pulls images from, and its SPIRE's trust domain`;

async function demonstrate(place: Place): Promise<boolean> {
  await part('The operator, by its chart', () => progress.step('helm install', () => install(place)));
  await part('Three agents: weather, notes and an impostor', () => progress.step('kubectl apply', () => deploy(place)));
  const cards = await part('Their verdicts', () => watchTable(place));
  await part('Why', async () => explain(cards));
  const good = await part('Packets', () => sendPackets(place));
  if (place.ownsSpire) await part('SPIRE stopped, and started again', () => stopAndStartSpire(place, print));
  printTimes();
  whatNext(place);
  return good;
}

async function install(place: Place): Promise<void> {
  const [repository, tag] = splitTag(place.image(operatorImage));
  const values = {
    'image.repository': repository,
    'image.tag': tag,
    'verifiedFetch.enabled': true,
    'verifiedFetch.trustDomain': place.trustDomain,
    'spiffe.volume': 'hostPath',
    'enforcement.mode': 'enforce',
    'networkProbe.enabled': true,
    // So that a second `make demo-node` takes the image that was just built.
    'podAnnotations.demo': `run-${Date.now()}`,
  };
  const set = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const chart = 'charts/agentcard-operator';
  await place.helm([
    'upgrade',
    '--install',
    ...release,
    chart,
    '--create-namespace',
    '--wait',
    '--timeout',
    '2m',
    ...set,
  ]);
}

async function deploy(place: Place): Promise<void> {
  const manifest = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await place.kubectl(['apply', '-f', '-'], manifest);
  const manifests = await Promise.all(['weather', 'notes', 'impostor'].map((name) => manifestOf(name, place)));
  const objects = manifests.flatMap((text) => text.split('---\n'));
  const pass = (verb: readonly string[], list: readonly string[]) =>
    place.kubectl(['-n', namespace, ...verb, '-f', '-'], list.join('---\n'));
  // Agents of an earlier run may run earlier images; and a table that fills is what there is to see. Cards come first and
  // go last, since the operator makes one for a workload that has none.
  await pass(['delete', '--ignore-not-found'], objects.toReversed());
  await pass(['apply'], objects);
}

async function manifestOf(name: string, { image, trustDomain }: Place): Promise<string> {
  const text = await readFile(join(import.meta.dirname, `${name}.yaml`), 'utf8');
  return text.replaceAll(/(?<=image: )\S+/g, image).replaceAll('spiffe://example.org/', `spiffe://${trustDomain}/`);
}

function splitTag(image: string): [string, string] {
  const at = image.lastIndexOf(':');
  return [image.slice(0, at), image.slice(at + 1)];
}

function whatNext(place: Place): void {
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
  const other = env.CLUSTER === 'current' ? `CLUSTER=current CONFIRM=${env.CONFIRM} ` : '';
  print(`\nStop with: ${bold(`${other}make demo-node-down`)}`);
}

async function takeDown(): Promise<void> {
  if (env.CLUSTER !== 'current') return stopNode();
  await confirmed(env.CONFIRM);
  await run('kubectl', ['delete', 'namespace', namespace, '--ignore-not-found']);
  await run('helm', ['uninstall', ...release, '--ignore-not-found']);
  print(
    'The agents and the operator are gone; the AgentCard kind stays: kubectl delete crd agentcards.agent.kagenti.dev',
  );
}

async function main(args: readonly string[]): Promise<number> {
  if (args.length === 1 && args[0] === '--down') {
    await takeDown();
    return 0;
  }
  if (args.length > 0) {
    print(help);
    return args[0] === '--help' ? 0 : 2;
  }
  if (env.CLUSTER !== undefined && env.CLUSTER !== '' && env.CLUSTER !== 'current') {
    throw new CommandError(`CLUSTER=${env.CLUSTER}: leave it unset for a node on this machine, or set it to current`);
  }
  const place = await (env.CLUSTER === 'current' ? currentCluster(env) : ownNode());
  return (await demonstrate(place)) ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`\n${red(error instanceof Error ? error.message : String(error))}\n`);
    process.exit(error instanceof CommandError ? 2 : 1);
  },
);
