/** `make audit`: what the product is made of is what the lock file says, under licences that allow it, with no known hole. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { satisfies } from 'semver';
import * as z from 'zod';
import { nodePackage } from './bundle.ts';

const help = `make audit [ADVISORIES=<file>]

Fails when a package of the lock file has no exact version or no SHA-512, when what is installed is something else, when a
licence is not among those that this project takes, or when a package is among the advisories. ADVISORIES is JSON as npm's
bulk advisory service answers it: {"<package>": [{"title", "severity", "vulnerable_versions"}]}.
`;

const takenLicences: ReadonlySet<string> = new Set([
  ...['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'CC0-1.0', 'ISC', 'MIT', 'MIT-0'],
  ...['MPL-2.0', 'PSF-2.0', 'Python-2.0', 'Unlicense'],
]);

const locked = z.looseObject({
  version: z.string().optional(),
  integrity: z.string().optional(),
  license: z.string().optional(),
  link: z.boolean().optional(),
  resolved: z.string().optional(),
});
const lockFile = z.object({ packages: z.record(z.string(), locked) });
const advisories = z.record(
  z.string(),
  z.array(z.object({ title: z.string(), severity: z.string(), vulnerable_versions: z.string() })),
);

export type Locked = z.infer<typeof locked>;
export type Packages = Readonly<Record<string, Locked>>;
export type Advisories = z.infer<typeof advisories>;

const nameOf = (place: string) => place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
/** Packages from a registry; workspaces and the project itself have no place below node_modules. */
const foreign = (packages: Packages) =>
  Object.entries(packages).filter(([place, { link }]) => place.includes('node_modules/') && !link);

/** Each sentence is a fault of the lock file itself. */
export function lockFaults(packages: Packages): readonly string[] {
  return foreign(packages).flatMap(([place, { version = '', integrity = '', license = '', resolved }]) => [
    ...(/^\d+\.\d+\.\d+(?:[-+].*)?$/.test(version) ? [] : [`${place}: "${version}" is no exact version`]),
    ...(/(?:^| )sha512-[A-Za-z0-9+/]{86}==/.test(integrity) ? [] : [`${place}: no SHA-512 pins its bytes`]),
    ...(resolved === undefined ? [] : [`${place}: comes from ${resolved} instead of the registry in use`]),
    ...(isTaken(license) ? [] : [`${place}: licence "${license}" is not one that this project takes`]),
  ]);
}

/** An SPDX expression of which one alternative is taken whole. */
function isTaken(expression: string): boolean {
  const bare = expression.replaceAll(/[()]/g, '');
  return bare.split(' OR ').some((choice) => choice.split(' AND ').every((id) => takenLicences.has(id.trim())));
}

/** Where what npm installed is not what the lock file says; packages for other platforms need not be there. */
export function installedFaults(packages: Packages, installed: Packages): readonly string[] {
  const faults = Object.entries(installed).flatMap(([place, { version, integrity, link }]) => {
    const wanted = packages[place];
    if (link || !place.includes('node_modules/')) return [];
    if (wanted === undefined) return [`${place}: installed and not in the lock file; run npm ci`];
    const same = wanted.version === version && wanted.integrity === integrity;
    return same ? [] : [`${place}: installed ${version}, the lock file has ${wanted.version}; run npm ci`];
  });
  const absent = foreign(packages).filter(([place, one]) => one.optional !== true && installed[place] === undefined);
  return [...faults, ...absent.map(([place]) => `${place}: not installed; run npm ci`)];
}

export function advisoryFaults(packages: Packages, known: Advisories): readonly string[] {
  return foreign(packages).flatMap(([place, { version = '' }]) =>
    (known[nameOf(place)] ?? [])
      .filter(({ vulnerable_versions: range }) => satisfies(version, range, { includePrerelease: true }))
      .map(({ title, severity }) => `${place} ${version}: ${severity}: ${title}`),
  );
}

async function sha256(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { advisories: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const read = async (path: string) => lockFile.parse(JSON.parse(await readFile(path, 'utf8'))).packages;
  const packages = await read('package-lock.json');
  const known = values.advisories ? advisories.parse(JSON.parse(await readFile(values.advisories, 'utf8'))) : {};
  const faults = [
    ...lockFaults(packages),
    ...installedFaults(packages, await read('node_modules/.package-lock.json')),
    ...advisoryFaults(packages, known),
  ];
  for (const fault of faults) console.error(fault);
  const looked = values.advisories ? `${Object.keys(known).length} names with advisories` : 'no advisories were given';
  console.log(`${foreign(packages).length} packages, ${faults.length} faults; ${looked}.`);
  console.log(`Node of the image: ${nodePackage}, binary SHA-256 ${await sha256(`${nodePackage}/bin/node`)}`);
  return faults.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main();
