import type * as z from 'zod';

/** A command-line flag, which is also a variable of the environment: AGENTCARD_<NAME>, unless `variable` names another. */
export interface Flag {
  readonly name: string;
  /** A variable that deployments already set. Empty, it counts as absent. */
  readonly variable?: string;
  readonly doc: string;
  readonly default: string;
  /** From the text that was given to the value that is used. */
  readonly schema: z.ZodType<unknown, string>;
  /** Other names that mean the same, and how their text becomes this flag's. */
  readonly aliases?: Readonly<Record<string, ((text: string) => string) | undefined>>;
}

type Flags = Readonly<Record<string, Flag>>;
type Env = Readonly<Record<string, string | undefined>>;

/** A flag as it is written down: called like its key, and empty unless it has another default. */
type Entry = Omit<Flag, 'name' | 'default'> & Partial<Pick<Flag, 'default'>>;
type Named<E extends Readonly<Record<string, Entry>>> = {
  readonly [K in keyof E]: Omit<Flag, 'schema'> & Pick<E[K], 'schema'>;
};

/** Of `leaderElect`, the flag --leader-elect. */
export function flagsFrom<E extends Readonly<Record<string, Entry>>>(entries: E): Named<E> {
  const named = Object.entries(entries).map(([key, entry]): [string, Flag] => {
    const name = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return [key, { name, default: '', ...entry }];
  });
  return Object.fromEntries(named) as unknown as Named<E>;
}

export type FlagValues<F extends Flags> = { readonly [K in keyof F]: z.output<F[K]['schema']> };

const variablePrefix = 'AGENTCARD_';
/** Kubernetes itself sets such variables for Services. */
const serviceLink = /_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)$/;

export function variableName(flag: Flag): string {
  return flag.variable ?? variablePrefix + flag.name.toUpperCase().replaceAll('-', '_');
}

/** Reads flags and variables; each problem is a sentence that names the flag and what it takes. */
export function parseFlags<F extends Flags>(flags: F, args: readonly string[], env: Env) {
  const given = new Map<string, string>();
  const problems = [...readVariables(flags, env, given), ...readArguments(flags, args, given)];
  const values: Record<string, unknown> = {};
  for (const [key, flag] of Object.entries(flags)) {
    const parsed = flag.schema.safeParse(given.get(flag.name) ?? flag.default);
    if (parsed.success) values[key] = parsed.data;
    else problems.push(`--${flag.name}: ${parsed.error.issues.map(({ message }) => message).join('; ')}`);
  }
  return { values: problems.length === 0 ? (values as FlagValues<F>) : undefined, problems };
}

/** --help: one flag a line, with its variable, default and what it does. */
export function describeFlags(flags: Flags): string {
  return Object.values(flags)
    .map((flag) => {
      const others = Object.keys(flag.aliases ?? {}).map((alias) => `--${alias}`);
      const also = others.length === 0 ? '' : ` (also ${others.join(', ')})`;
      const preset = flag.default === '' ? '' : ` Default: ${flag.default}`;
      return `  --${flag.name}, ${variableName(flag)}${also}\n        ${flag.doc}${preset}`;
    })
    .join('\n');
}

function readVariables(flags: Flags, env: Env, given: Map<string, string>): string[] {
  const byVariable = new Map(Object.values(flags).map((flag) => [variableName(flag), flag.name]));
  const problems: string[] = [];
  for (const { name, variable } of Object.values(flags)) {
    const text = variable === undefined ? undefined : env[variable];
    if (text) given.set(name, text);
  }
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(variablePrefix) || text === undefined) continue;
    const name = byVariable.get(variable);
    // A flag may end like one of them, such as …_PORT_NAME, which no Service link is called.
    if (name === undefined && serviceLink.test(variable)) continue;
    if (name === undefined) problems.push(`${variable} is not a known variable; --help lists the flags`);
    else given.set(name, text);
  }
  return problems;
}

function readArguments(flags: Flags, args: readonly string[], given: Map<string, string>): string[] {
  const problems: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    const [, spelled, inline] = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(argument) ?? [];
    const found = spelled === undefined ? undefined : findFlag(flags, spelled);
    if (found === undefined) {
      problems.push(`${argument.slice(0, 80)} is not a known flag; --help lists them`);
      continue;
    }
    const next = args[index + 1];
    const bare = inline === undefined && !takes(found.flag, next);
    if (inline === undefined && !bare) index += 1;
    const text = inline ?? (bare ? 'true' : (next ?? ''));
    given.set(found.flag.name, found.translate?.(text) ?? text);
  }
  return problems;
}

function findFlag(flags: Flags, spelled: string) {
  const isIt = ({ name, aliases = {} }: Flag) => name === spelled || Object.hasOwn(aliases, spelled);
  const flag = Object.values(flags).find(isIt);
  return flag && { flag, translate: flag.aliases?.[spelled] };
}

/** Whether the next argument is the flag's value; a switch such as --leader-elect may stand alone. */
function takes({ schema }: Flag, next: string | undefined): boolean {
  if (next === undefined || next.startsWith('--')) return false;
  const accepts = (text: string) => schema.safeParse(text).success;
  const isSwitch = accepts('true') && accepts('false') && !accepts('neither');
  return !isSwitch || accepts(next);
}
