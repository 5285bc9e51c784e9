import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { terminalProgress } from '../../test/cluster/progress.ts';
import { operatorImage } from '../agents/image-names.ts';
import type { Place } from './place.ts';
import { part } from './screen.ts';
import { namespace } from './verdicts.ts';

export const release = ['agentcard-operator', '--namespace', 'agentcard-system'];
const progress = terminalProgress();

/** The operator, where it is not there already, and the three agents. */
export async function install(place: Place): Promise<void> {
  const { helm } = place;
  if (helm !== undefined) {
    const upgrade = ['upgrade', '--install', ...release, 'charts/agentcard-operator', '--create-namespace', '--wait'];
    const chart = () => helm([...upgrade, '--timeout', '2m', ...values(place)]);
    await part('The operator, by its chart', () => progress.step('helm install', chart));
  }
  await part('Three agents: weather, notes and an impostor', () => progress.step('kubectl apply', () => deploy(place)));
}

function values(place: Place): string[] {
  const image = place.image(operatorImage);
  const at = image.lastIndexOf(':');
  const all = {
    'image.repository': image.slice(0, at),
    'image.tag': image.slice(at + 1),
    'verifiedFetch.enabled': true,
    'verifiedFetch.trustDomain': place.trustDomain,
    'spiffe.volume': 'hostPath',
    'enforcement.mode': 'enforce',
    'networkProbe.enabled': true,
    // So that a second run takes the image that was just built.
    'podAnnotations.demo': `run-${Date.now()}`,
  };
  return Object.entries(all).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
}

async function deploy(place: Place): Promise<void> {
  const manifest = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const isFirst = (await place.kubectl(['apply', '-f', '-'], manifest)).includes(' created');
  const manifests = await Promise.all(['weather', 'notes', 'impostor'].map((name) => manifestOf(name, place)));
  const objects = manifests.flatMap((text) => text.split('---\n'));
  const pass = (verb: readonly string[], list: readonly string[]) =>
    place.kubectl(['-n', namespace, ...verb, '-f', '-'], list.join('---\n'));
  // Agents of an earlier run may run earlier images; and a table that fills is what there is to see. Cards come first and
  // go last, since the operator makes one for a workload that has none.
  if (!isFirst) await pass(['delete', '--ignore-not-found'], objects.toReversed());
  await pass(['apply'], objects);
}

async function manifestOf(name: string, { image, trustDomain }: Place): Promise<string> {
  const text = await readFile(join(import.meta.dirname, `${name}.yaml`), 'utf8');
  return text.replaceAll(/(?<=image: )\S+/g, image).replaceAll('spiffe://example.org/', `spiffe://${trustDomain}/`);
}
