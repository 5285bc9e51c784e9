import { type ConditionType, reasons, remedy } from '../../src/operator/api/conditions.ts';
import { flags } from '../../src/operator/settings/flag-table.ts';
import { type Flag, variableName } from '../../src/operator/settings/flags.ts';

/** README.md with each `<!-- generated:<table> -->` … `<!-- /generated:<table> -->` filled; text without markers is left alone. */
export function readmeWithTables(text: string): string {
  const tables = { flags: flagTable(), conditions: conditionTable() };
  return Object.entries(tables).reduce((readme, [name, table]) => {
    const between = new RegExp(`(<!-- generated:${name} -->\n)[^]*?(<!-- /generated:${name} -->)`);
    return readme.replace(between, (_all, open: string, close: string) => `${open}${table}${close}`);
  }, text);
}

function flagTable(): string {
  const rows = Object.values(flags as Readonly<Record<string, Flag>>).map((flag) => {
    const also = Object.keys(flag.aliases ?? {}).map((alias) => `<br>\`--${alias}\``);
    const preset = flag.default === '' ? '' : code(flag.default);
    return [`${code(`--${flag.name}`)}${also.join('')}`, code(variableName(flag)), preset, flag.doc];
  });
  return markdownTable(['Flag', 'Variable', 'Default', 'What it does'], rows);
}

function conditionTable(): string {
  const rows = (Object.keys(reasons) as ConditionType[]).flatMap((type) =>
    Object.keys(reasons[type]).map((reason) => [type, code(reason), remedy(type, reason) || 'Nothing; all is well.']),
  );
  return markdownTable(['Condition', 'Reason', 'What to do'], rows);
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line), ''].join('\n');
}

const code = (text: string) => `\`${text}\``;
