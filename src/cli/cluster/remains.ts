import { splitKey } from '@agentcard-operator/kube/objects';
import type { Refused, Remain } from '../../operator/cleanup/remains.ts';
import { exit, type Io } from '../command.ts';
import { type Format, nameOf, serialized, table } from '../table.ts';

/** What was found, one line each. */
export function listed(remains: readonly Remain[], format: Format): string {
  if (format === 'json' || format === 'yaml') return serialized(format, remains.map(plain));
  if (format === 'name') {
    return remains.map(({ resource, key }) => `${nameOf(resource, splitKey(key).name)}\n`).join('');
  }
  if (remains.length === 0) return '';
  const wide = format === 'wide';
  const header = ['NAMESPACE', 'KIND', 'NAME', 'WHAT', ...(wide ? ['CONSEQUENCE'] : [])];
  const rows = remains.map((remain) => {
    const { namespace, kind, name, what, consequence } = plain(remain);
    return [namespace, kind, name, what, ...(wide ? [consequence] : [])];
  });
  return table(header, rows);
}

function plain({ resource, key, what, consequence = '' }: Remain) {
  const { namespace = '', name } = splitKey(key);
  return { namespace, kind: resource.kind, name, what, consequence };
}

/** Says what became of it, on standard error, so that standard output stays the list alone. */
export function reported(remains: readonly Remain[], refused: readonly Refused[], io: Io): number {
  for (const { remain, message } of refused) io.err(`not undone: ${nameOf(remain.resource, remain.key)}: ${message}\n`);
  io.err(
    `${remains.length - refused.length} of ${remains.length} undone${refused.length > 0 ? '; run it again' : ''}\n`,
  );
  return refused.length > 0 ? exit.refused : exit.ok;
}
