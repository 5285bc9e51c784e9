/** What the image holds besides its base, as CycloneDX 1.6: the packages whose files are in the programs, and Node. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bundledFiles, nodePackage } from './bundle.ts';

interface Locked {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
}

interface Lock {
  readonly packages: Readonly<Record<string, Locked>>;
}

export const sbomFile = 'dist/sbom.cdx.json';

/** Reads what the bundler takes in, so that nothing is listed that is not there and nothing is left out. */
export async function writeSbom(path = sbomFile): Promise<number> {
  const lock = JSON.parse(await readFile('package-lock.json', 'utf8')) as Lock;
  const { name, version, license } = JSON.parse(await readFile('package.json', 'utf8')) as Record<string, string>;
  const places = new Set((await bundledFiles()).flatMap((file) => packageOf(file) ?? []));
  const components = [...places, nodePackage].sort().map((place) => componentOf(place, lock));
  const subject = { type: 'application', name, version, licenses: [{ expression: license }] };
  const sbom = { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { component: subject }, components };
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(sbom, null, 2)}\n`);
  return components.length;
}

/** The place of a file's package in the lock file: the innermost folder below a node_modules. */
export function packageOf(file: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

function componentOf(place: string, { packages }: Lock) {
  const { version = '', license, integrity } = packages[place] ?? {};
  const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
  if (version === '') throw new Error(`${place} is bundled and not in package-lock.json`);
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  return {
    type: place === nodePackage ? 'platform' : 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license === undefined ? {} : { licenses: [{ expression: license }] }),
    ...(integrity === undefined ? {} : { hashes: [hashOf(integrity)] }),
  };
}

/** `sha512-<base64>` of the lock file, in hexadecimal. */
function hashOf(integrity: string) {
  const [algorithm = '', digest = ''] = integrity.split('-', 2);
  return {
    alg: algorithm.toUpperCase().replace('SHA', 'SHA-'),
    content: Buffer.from(digest, 'base64').toString('hex'),
  };
}

if (import.meta.main) console.log(`${sbomFile}: ${await writeSbom()} packages`);
