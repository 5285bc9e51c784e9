import { allCommands } from '../../src/cli/run.ts';
import { type ConditionType, reasons } from '../../src/operator/api/conditions.ts';
import * as names from '../../src/operator/api/labels.ts';
import { families } from '../../src/operator/api/names.ts';
import { flags as operatorFlags } from '../../src/operator/settings/flag-table.ts';
import { type Flag, variableName } from '../../src/operator/settings/flags.ts';
import { flags as signerFlags } from '../../src/signer/settings.ts';
import { type Field, fieldsOf } from './kind-fields.ts';
import { registeredMetrics } from './metrics.ts';
import { chartValues } from './values.ts';
import { generatedNotice } from './yaml-text.ts';

export const promisesFile = 'config/promises.txt';

/**
 * What docs/compatibility.md promises, a line each: its sort, its name, and what else of it must stay. Whatever is a break is
 * a line that goes, and whatever is none is a line that comes: so an optional field says that it is.
 */
export async function promises(): Promise<readonly string[]> {
  const metrics = registeredMetrics().filter(({ name }) => !/^(nodejs|process)_/.test(name));
  return [
    ...(['spec', 'status'] as const).flatMap((part) => fieldsOf(part).flatMap(fieldLines)),
    ...(Object.keys(reasons) as ConditionType[]).flatMap((type) =>
      Object.keys(reasons[type]).map((reason) => `reason ${type}/${reason}`),
    ),
    ...nameLines(),
    ...metrics.flatMap(({ name, type, labelNames }) => [
      `metric ${name} ${type}`,
      ...labelNames.map((label) => `metric-label ${name}/${label}`),
    ]),
    ...flagLines('agentcard-operator', operatorFlags),
    ...flagLines('agentcard-signer', signerFlags),
    ...(await allCommands()).flatMap(({ name, options }) => [
      `command ${name}`,
      ...Object.keys(options).map((option) => `option ${name}/--${option}`),
    ]),
    ...(await chartValues()).map(([name]) => `chart-value ${name}`),
  ];
}

function fieldLines([path, { type, enum: choices, default: preset }, isRequired]: Field): string[] {
  const isSpec = path.startsWith('spec.');
  return [
    `field ${path} ${type}`,
    ...(isSpec && !isRequired ? [`optional ${path}`] : []),
    ...(isSpec && preset !== undefined ? [`default ${path} ${preset}`] : []),
    ...(Array.isArray(choices) ? choices.map((choice) => `value ${path}/${choice}`) : []),
  ];
}

/** Labels, annotations, ports, and how objects are called. */
function nameLines(): string[] {
  const texts = Object.values(names).filter((name): name is string => typeof name === 'string');
  const workload = { kind: 'Deployment', name: '<workload>' };
  const other = { kind: '<kind>', name: '<workload>' };
  const called = [workload, other].flatMap((of) => [names.policyName(of), names.autoCardName(of)]);
  const read = families.flatMap(({ type, protocolPrefix, deprecatedProtocols }) => [
    type,
    protocolPrefix,
    ...deprecatedProtocols,
  ]);
  const known = [...texts, ...read, ...Object.keys(names.policyLabels('<card>')), ...names.signedCardKeys, ...called];
  return [...new Set(known)].sort().map((name) => `name ${name}`);
}

function flagLines(program: string, flags: Readonly<Record<string, Flag>>): string[] {
  return Object.values(flags).flatMap((flag) => [
    `flag ${program}/--${flag.name} default ${JSON.stringify(flag.default)}`,
    ...Object.keys(flag.aliases ?? {}).map((alias) => `flag ${program}/--${alias}`),
    `variable ${program}/${variableName(flag)}`,
  ]);
}

export interface Kept {
  readonly text: string;
  /** Lines that are promised and not true any more, and that no entry of the changelog tells of. */
  readonly broken: readonly string[];
}

/** The file as it has to be. A line that went stays in it until the changelog says so: only then is it promised no more. */
export function keptPromises(lines: readonly string[], committed: string, changelog: string): Kept {
  const now = new Set(lines);
  const told = toldNames(changelog);
  const gone = committed.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !now.has(line));
  const broken = gone.filter((line) => !told.has(nameOf(line)));
  return { text: [`# ${generatedNotice}`, ...lines, ...broken, ''].join('\n'), broken };
}

const nameOf = (line: string) => line.split(' ')[1] ?? '';

/** What items of the unreleased section name in backticks that begin with Changed or Removed. */
function toldNames(changelog: string): ReadonlySet<string> {
  const [, unreleased = ''] = /^## [^\n]*not released[^\n]*\n(.*?)(?=^## |(?![\s\S]))/ms.exec(changelog) ?? [];
  const items = unreleased.split(/^- /m).filter((item) => /^(Changed|Removed):/.test(item));
  return new Set(items.flatMap((item) => [...item.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)));
}

export function brokenPromises(broken: readonly string[]): string {
  return `${promisesFile} promises what is not so any more:
  ${broken.join('\n  ')}
Put it back; if it was never on the main branch, take the file from there. If it has to go, say in CHANGELOG.md, under what is not released yet, what whoever uses it has to do, in an item that
begins with "Changed:" or "Removed:" and names it in backticks as above, for example \`${nameOf(broken[0] ?? '')}\`; then run 'make generate'.`;
}
