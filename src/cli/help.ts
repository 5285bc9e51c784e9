import { connectionOptions } from './cluster/connection.ts';
import type { Command } from './command.ts';

const program = 'kubectl agentcard';

export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  return [
    'Proves who wrote an A2A AgentCard, and explains and changes what the operator makes of it in a cluster.',
    '',
    'Usage:',
    `  ${program} <command> [arguments]`,
    '',
    'Commands:',
    ...commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`),
    '',
    `See ${program} <command> --help for options and examples.`,
    'Exit status: 0 yes, or done; 1 no; 2 no answer: wrong usage, unreadable input, or a cluster that does not answer.',
    '',
  ].join('\n');
}

export function helpOf({ name, summary, operands, options, notes = [], examples }: Command): string {
  const required = Object.entries(options).filter(([, { required: isRequired }]) => isRequired);
  const usage = [name, ...operands, ...required.map(([option, { value }]) => `--${option} ${value}`), '[options]'];
  const rows = Object.entries(options).map(([option, { value, short, doc }]) => {
    const flags = `${short === undefined ? '    ' : `-${short}, `}--${option}${value === undefined ? '' : ` ${value}`}`;
    return { option, flags, doc };
  });
  const width = Math.max(0, ...rows.map(({ flags }) => flags.length));
  const lines = (some: typeof rows) => some.map(({ flags, doc }) => `  ${flags.padEnd(width)}  ${doc}`);
  const [own, shared] = [false, true].map((is) =>
    lines(rows.filter(({ option }) => option in connectionOptions === is)),
  );
  return [
    `${summary}.`,
    '',
    'Usage:',
    `  ${program} ${usage.join(' ')}`,
    '',
    ...titled('Options:', own),
    ...titled('Connection, as kubectl has it:', shared),
    ...notes,
    ...(notes.length > 0 ? [''] : []),
    'Examples:',
    ...examples.map((example) => `  ${program} ${example}`),
    '',
  ].join('\n');
}

function titled(title: string, lines: readonly string[] = []): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines, ''];
}
