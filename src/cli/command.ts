import { parseArgs } from 'node:util';

/** Exit statuses of every command. `refused` is an answer; `trouble` means that there is none. */
export const exit = { ok: 0, refused: 1, trouble: 2 } as const;

/** The world around a command, so that tests can be one. */
export interface Io {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly stdin: () => AsyncIterable<Uint8Array>;
  readonly now: () => Date;
  /** Whether a person who wants colours reads `out`. */
  readonly color?: boolean;
  /** Columns of the terminal that shows `out`; none where something else reads it. */
  readonly width?: number;
  /** For a command that goes on: opens a browser, and waits until the user has had enough. */
  readonly browse?: (url: string) => void;
  readonly enough?: () => Promise<unknown>;
}

export interface Option {
  /** What stands for the value in help, such as `<file>`; absent for a switch. */
  readonly value?: string;
  readonly short?: string;
  readonly doc: string;
  readonly required?: true;
  /** The words that it takes, where these are few. */
  readonly words?: readonly string[];
  /** Its values are names of namespaces. */
  readonly from?: 'namespaces';
  /** May be given again, for another value. */
  readonly multiple?: true;
}

/** One subcommand. A new one is a file with one of these and a line in run.ts. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Names of the positional arguments; those in square brackets may be left out. */
  readonly operands: readonly string[];
  readonly options: Readonly<Record<string, Option>>;
  /** Paragraphs of help below the options. */
  readonly notes?: readonly string[];
  /** What to type after the program's name. */
  readonly examples: readonly string[];
  readonly run: (invocation: Invocation, io: Io) => Promise<number>;
}

export interface Invocation {
  readonly operands: readonly string[];
  readonly option: (name: string) => string | undefined;
  /** Every value of an option that may be given again. */
  readonly all: (name: string) => readonly string[];
}

/** The command line or an input cannot be used: exit status 2 and this message, no trace. */
export class Trouble extends Error {}

export function parseInvocation(command: Command, args: readonly string[]): Invocation {
  const invocation = invocationOf(command, args);
  const { operands } = invocation;
  for (const [name, { required }] of Object.entries(command.options)) {
    if (required && invocation.option(name) === undefined)
      throw new Trouble(`${command.name} needs --${name}${hint(command)}`);
  }
  const missing = command.operands[operands.length];
  if (missing !== undefined && !missing.startsWith('['))
    throw new Trouble(`${command.name} needs ${missing}${hint(command)}`);
  const extra = operands[command.operands.length];
  if (extra !== undefined) throw new Trouble(`unexpected argument "${extra}"${hint(command)}`);
  return invocation;
}

/** What a command line says so far, which need not be all that the command needs. */
export function invocationOf(command: Command, args: readonly string[]): Invocation {
  const { values, positionals } = parse(command, args);
  const all = (name: string) => [values[name] ?? []].flat().map(String);
  return { operands: positionals, option: (name) => all(name)[0], all };
}

interface ParsedArgs {
  readonly values: Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
}

function parse(command: Command, args: readonly string[]): ParsedArgs {
  const options = Object.fromEntries(
    Object.entries(command.options).map(([name, { value, short, multiple = false }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        multiple,
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  let parsed: ParsedArgs & { readonly tokens: readonly { readonly kind: string; readonly name?: string }[] };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true, tokens: true });
  } catch (error) {
    const [sentence = ''] = String(error instanceof Error ? error.message : error).split(/\. (?=To specify|If you)|\n/);
    throw new Trouble(`${sentence.charAt(0).toLowerCase()}${sentence.slice(1).replace(/\.$/, '')}${hint(command)}`);
  }
  const given = parsed.tokens.flatMap(({ kind, name }) => (kind === 'option' && name !== undefined ? [name] : []));
  const isAgain = (name: string, index: number) => given.indexOf(name) !== index && !command.options[name]?.multiple;
  const repeated = given.find(isAgain);
  // Of two values one would be dropped in silence, and which one is a matter of taste.
  if (repeated !== undefined) throw new Trouble(`--${repeated} is given twice, decide for one value${hint(command)}`);
  return parsed;
}

function hint({ name }: Command): string {
  return `; see kubectl agentcard ${name} --help`;
}

/** Reads one of a few words, the first of which is the default. */
export function choice<T extends string>(invocation: Invocation, name: string, words: readonly [T, ...T[]]): T {
  const text = invocation.option(name) ?? words[0];
  const word = words.find((candidate) => candidate === text);
  if (word === undefined) throw new Trouble(`--${name} is one of ${words.join(', ')}, not "${text}"`);
  return word;
}

/** The option by which a command is told the form of what it prints; the first word is the default. */
export function outputIn(words: readonly string[]): Option {
  return { value: '<format>', short: 'o', words, doc: `${words.join(', ')} (default ${words[0]})` };
}
