import { plainText } from '../operator/api/budget.ts';
import { type Command, exit, type Io, parseInvocation, Trouble } from './command.ts';

/** Each command is loaded when it is called: most of what they need, others do not. */
const loaders = {
  verify: async () => (await import('./card/verify.ts')).verify,
  sign: async () => (await import('./card/sign.ts')).sign,
  canonicalize: async () => (await import('./card/canonicalize.ts')).canonicalize,
  diff: async () => (await import('./card/diff.ts')).diff,
  explain: async () => (await import('./explain/explain.ts')).explain,
  ui: async () => (await import('./ui/ui.ts')).ui,
  quarantine: async () => (await import('./cluster/orders.ts')).quarantine,
  release: async () => (await import('./cluster/orders.ts')).release,
  approve: async () => (await import('./cluster/orders.ts')).approve,
  migrate: async () => (await import('./cluster/migrate.ts')).migrate,
  cleanup: async () => (await import('./cluster/cleanup.ts')).cleanup,
  version: async () => (await import('./version.ts')).versionCommand,
  completion: async () => (await import('./completion.ts')).completion,
} satisfies Readonly<Record<string, () => Promise<Command>>>;
const names = Object.keys(loaders) as (keyof typeof loaders)[];

export function allCommands(): Promise<readonly Command[]> {
  return Promise.all(names.map((name) => loaders[name]()));
}

/** Runs one command line and returns its exit status. It never throws: what goes wrong becomes one line on `err`. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    const message = error instanceof Trouble ? error.message : `internal error: ${String(error)}; please report it`;
    io.err(`error: ${plainText(message)}\n`);
    return exit.trouble;
  }
}

async function dispatch([name, ...rest]: readonly string[], io: Io): Promise<number> {
  if (name === '--version') return dispatch(['version', '--client', ...rest], io);
  if (name === '__complete') return (await import('./completion.ts')).complete(await allCommands(), rest, io);
  const isHelp = name !== undefined && ['help', '--help', '-h'].includes(name);
  const wanted = isHelp ? rest[0] : name;
  if (wanted !== undefined) {
    const command = await loaders[names.find((known) => known === wanted) ?? unknown(wanted)]();
    if (!isHelp && !asksHelp(rest)) return command.run(parseInvocation(command, rest), io);
    io.out((await import('./help.ts')).helpOf(command));
    return exit.ok;
  }
  const text = (await import('./help.ts')).overview(await allCommands());
  (isHelp ? io.out : io.err)(text);
  return isHelp ? exit.ok : exit.trouble;
}

function asksHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).some((argument) => argument === '--help' || argument === '-h');
}

function unknown(name: string): never {
  const near = name && names.find((known) => known.startsWith(name.slice(0, 3)));
  const hint = !near ? `commands are ${names.join(', ')}` : `did you mean ${near}?`;
  throw new Trouble(`there is no command "${name}"; ${hint}`);
}
