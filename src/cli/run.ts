import { plainText } from '../operator/api/budget.ts';
import { canonicalize } from './card/canonicalize.ts';
import { diff } from './card/diff.ts';
import { sign } from './card/sign.ts';
import { verify } from './card/verify.ts';
import { cleanup } from './cluster/cleanup.ts';
import { migrate } from './cluster/migrate.ts';
import { approve, quarantine, release } from './cluster/orders.ts';
import { type Command, exit, type Io, parseInvocation, Trouble } from './command.ts';
import { candidates, completionOf } from './completion.ts';
import { explain } from './explain/explain.ts';
import { helpOf, overview } from './help.ts';

const offline = [verify, sign, canonicalize, diff];
const inCluster = [explain, quarantine, release, approve, migrate, cleanup];
export const commands: readonly Command[] = [...offline, ...inCluster, completionOf(() => commands)];

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
  if (name === undefined) {
    io.err(overview(commands));
    return exit.trouble;
  }
  if (name === '__complete') {
    io.out(candidates(commands, rest));
    return exit.ok;
  }
  const asksHelp = ['help', '--help', '-h'].includes(name);
  const wanted = asksHelp ? rest[0] : name;
  if (wanted === undefined) {
    io.out(overview(commands));
    return exit.ok;
  }
  const command = commands.find((candidate) => candidate.name === wanted) ?? unknown(wanted);
  if (asksHelp || isHelp(rest)) {
    io.out(helpOf(command));
    return exit.ok;
  }
  return command.run(parseInvocation(command, rest), io);
}

function isHelp(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end === -1 ? args.length : end).some((argument) => argument === '--help' || argument === '-h');
}

function unknown(name: string): never {
  const near = commands.find((command) => command.name.startsWith(name.slice(0, 3)));
  const names = commands.map((command) => command.name).join(', ');
  const hint = near === undefined ? `commands are ${names}` : `did you mean ${near.name}?`;
  throw new Trouble(`there is no command "${name}"; ${hint}`);
}
