import type { Resource } from '@agentcard-operator/kube/objects';
import { dump } from 'js-yaml';
import { plainText } from '../operator/api/budget.ts';
import { choice, type Invocation, outputIn } from './command.ts';
import { jsonText } from './screen.ts';

const formats = ['text', 'wide', 'json', 'yaml', 'name'] as const;
export type Format = (typeof formats)[number];

export const outputOption = outputIn(formats);

export function formatOf(invocation: Invocation): Format {
  return choice(invocation, 'output', [...formats]);
}

/** Columns as kubectl writes them; a cell is never cut, since it may be what somebody copies. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows].map((row) => row.map(plainText));
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ');
  return all.map((row) => `${line(row).trimEnd()}\n`).join('');
}

/** As `kubectl get -o name` writes an object. */
export function nameOf({ kind, group }: Resource, name: string): string {
  return `${kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${name}`;
}

/** kubectl reads YAML 1.1 as well, so what that takes for something else than text is quoted. */
export function serialized(format: 'json' | 'yaml', value: unknown): string {
  if (format === 'json') return jsonText(value);
  return dump(value, { noRefs: true, skipInvalid: true, lineWidth: -1, quoteStyle: 'double' });
}
