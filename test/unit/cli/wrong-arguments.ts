import fc from 'fast-check';
import { expect } from 'vitest';
import type { Command } from '../../../src/cli/command.ts';
import { allCommands } from '../../../src/cli/run.ts';
import type { Result } from './cli.ts';

const commands = await allCommands();

/** What people, scripts with unset variables, and worse, put where something else belongs. */
const garbage = ['', ' ', '-', '..', 'a/b', 'a/b/c', 'Upper', '0', '-1', 'ünï', '\u001b[2J', '\n', 'x'.repeat(3_000)];

/** A command line that can be parsed: every operand and every required option has a word. */
function parsable({ name, operands, options }: Command): readonly string[] {
  const required = Object.entries(options).flatMap(([option, { required: is }]) => (is ? [`--${option}=x`] : []));
  return [name, ...operands.map(() => 'x'), ...required];
}

/** Every command with everything wrong once. */
export function wrongLines(): readonly (readonly string[])[] {
  return commands.flatMap((command) => {
    const whole = parsable(command);
    const options = Object.entries(command.options).flatMap(([option, { value }]) =>
      value === undefined
        ? [[`--${option}`], [`--${option}=x`], [`--${option}`, `--${option}`]]
        : [[`--${option}`], [`--${option}=x`, `--${option}=y`], ...garbage.map((text) => [`--${option}=${text}`])],
    );
    const operands = garbage.map((text) => [command.name, text, ...whole.slice(2)]);
    const others = [
      [],
      ['extra', 'more'],
      ['--no-such-option'],
      ['--', '-A'],
      ['-A'],
      ['-n'],
      ['-nx'],
      ['-o', 'x'],
      ['-Zx'],
    ];
    return [[command.name], ...operands, ...[...others, ...options].map((more) => [...whole, ...more])];
  });
}

/** Anything at all behind the name of a command. */
export const anyLine = fc
  .tuple(
    fc.constantFrom(...commands),
    fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
    fc.array(fc.string(), { maxLength: 3 }),
  )
  .map(([command, picks, strings]) => {
    const names = Object.keys(command.options);
    const words = [...garbage, ...strings, 'x', 'json', 'team', 'team/x', 'agentcard/x', '1s'];
    const flags = names.flatMap((name) => [`--${name}`, ...words.map((word) => `--${name}=${word}`)]);
    const pool = [...words, ...flags, ...flags, ...parsable(command).slice(1)];
    return [command.name, ...picks.map((pick) => pool[pick % pool.length] ?? '')];
  });

/** Commands that ask a cluster. */
export const clusterCommands = commands.filter(({ options }) => 'kubeconfig' in options);
export const rightLines = clusterCommands.map((command) => {
  return command.name === 'explain' ? ['explain', 'x'] : [...parsable(command)];
});

/** An answer for a person: a status that scripts know, and on trouble one sentence that is no trace of a program. */
export function mustBeAnswered(args: readonly string[], { status, out, err }: Result): void {
  const told = `${args.join(' ')}\n${err}`;
  expect([0, 1, 2], told).toContain(status);
  expect(err, told).not.toMatch(/internal|TypeError|undefined|\[object|NaN|\n\s+at |node:/i);
  if (status !== 2) return;
  // The plugin's own version needs no cluster.
  if (args[0] !== 'version') expect(out, told).toBe('');
  // Words before it, such as a warning, are lines of their own.
  expect(err.slice(0, -1).split('\n').at(-1), told).toMatch(/^error: [^\p{Cc}]+$/u);
}
