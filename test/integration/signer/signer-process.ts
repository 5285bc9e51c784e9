import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const main = join(import.meta.dirname, '../../../src/signer/main.ts');

export interface SignerProcess {
  readonly child: ChildProcess;
  /** JSON lines so far. */
  readonly lines: () => readonly Record<string, unknown>[];
  readonly exit: Promise<number | null>;
}

/** Runs agentcard-signer as a process of its own; `before` is shell code in a mount namespace of its own. */
export function startSigner(env: NodeJS.ProcessEnv, args: readonly string[] = [], before?: string): SignerProcess {
  const command = [process.execPath, main, ...args];
  const inNamespace = ['unshare', '--mount', 'sh', '-ec', `${before}\nexec "$@"`, 'sh', ...command];
  const [program = '', ...rest] = before === undefined ? command : inNamespace;
  const child = spawn(program, rest, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  return {
    child,
    lines: () =>
      text
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => JSON.parse(line)),
    exit: once(child, 'close').then(([code]) => code),
  };
}
