import { setTimeout as sleep } from 'node:timers/promises';
import type { Pod } from '../../src/kube/objects.ts';
import type { Place } from './place.ts';
import { dim, green, print, red } from './screen.ts';
import { namespace } from './verdicts.ts';

interface Attempt {
  readonly what: string;
  readonly from: Pod;
  readonly command: readonly string[];
  readonly passes: boolean;
}

/** Policies reach the node's packet filter a moment after the API server. */
const patienceMs = 30_000;

/** Real clients in real pods; false when a packet went another way than the verdicts say. */
export async function sendPackets(place: Place): Promise<boolean> {
  let good = true;
  for (const attempt of await attempts(place)) {
    const { passed, said } = await settled(place, attempt);
    const fits = passed === attempt.passes;
    good &&= fits;
    const outcome = passed ? 'passes' : 'stopped';
    print(`${fits ? green('✓') : red('✗')} ${attempt.what.padEnd(58)} ${outcome.padEnd(8)} ${dim(said)}`);
  }
  return good;
}

async function attempts(place: Place): Promise<Attempt[]> {
  const list = JSON.parse(await place.kubectl(['-n', namespace, 'get', 'pods', '-o', 'json']));
  const podsOf = (app: string) => (list.items as Pod[]).filter(({ metadata }) => metadata.labels?.app === app);
  const [first, second] = podsOf('weather');
  const [notes] = podsOf('notes');
  const [impostor] = podsOf('impostor');
  if (!first || !second || !notes || !impostor) throw new Error('a pod of the demonstration is missing');
  const weatherUrl = `http://${second.status?.podIP}:8080`;
  const sdk = (url: string) => ['node', '/app/sdk-agent.mjs', 'call', url];
  const python = (url: string) => ['python3', '/app/python_agent.py', 'call', url];
  const secure = sdk(`https://${second.status?.podIP}:8443`);
  return [
    { what: 'weather (verified) asks weather, mutual TLS', from: first, command: secure, passes: true },
    { what: 'weather (verified) asks weather, an A2A message', from: first, command: sdk(weatherUrl), passes: true },
    { what: 'notes (not verified) asks weather', from: notes, command: python(weatherUrl), passes: false },
    { what: 'impostor (caught) asks weather', from: impostor, command: curl(weatherUrl), passes: false },
    {
      what: 'weather (verified) asks notes (not verified)',
      from: first,
      command: sdk(`http://${notes.status?.podIP}:8000`),
      passes: false,
    },
  ];
}

/** The image of the test agent has Node and no curl. */
function curl(url: string): string[] {
  const script = `fetch(process.argv[1], { signal: AbortSignal.timeout(3000) }).then(
    ({ status }) => console.log('HTTP', status),
    (error) => { console.log('no answer:', error.cause?.code ?? error.message); process.exitCode = 1; })`;
  return ['node', '-e', script, `${url}/.well-known/agent-card.json`];
}

async function settled(place: Place, attempt: Attempt): Promise<{ passed: boolean; said: string }> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const result = await tryOnce(place, attempt);
    if (result.passed === attempt.passes || Date.now() > deadline) return result;
    await sleep(500);
  }
}

async function tryOnce(place: Place, { from, command }: Attempt): Promise<{ passed: boolean; said: string }> {
  // The exit code travels in the text, since a failed exec would lose what the client said.
  try {
    const said = await place.kubectl(['-n', namespace, 'exec', from.metadata.name, '--', ...command]);
    return { passed: true, said: said.trim() };
  } catch (error) {
    const said = /^no answer: .*$/m.exec(String(error))?.[0];
    // Anything else than the client's own words is a failure of the demonstration, not of the packet.
    if (said === undefined) throw error;
    return { passed: false, said };
  }
}
