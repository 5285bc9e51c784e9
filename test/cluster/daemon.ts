import { spawn } from 'node:child_process';
import { open, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { lastLines, which } from './command.ts';

export interface Daemon {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  /** Resolves with a word on how it ended; never rejects. */
  readonly ended: Promise<string>;
  alive(): boolean;
  /** Ends it at once and waits for its end. The harness keeps nothing that an orderly end would save. */
  kill(): Promise<void>;
}

export interface DaemonSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logs: string;
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Starts a long-lived process whose life is tied to ours: the kernel kills it when this process ends, even by SIGKILL.
 * Where `setpriv` is missing only an orderly end of this process takes it along.
 */
export async function startDaemon(spec: DaemonSpec): Promise<Daemon> {
  const setpriv = await which('setpriv');
  const [command, args] = setpriv
    ? [setpriv, ['--pdeathsig', 'KILL', spec.command, ...spec.args]]
    : [spec.command, [...spec.args]];
  const log = join(spec.logs, `${spec.name}.log`);
  const file = await open(log, 'a');
  const child = spawn(command, args, { stdio: ['ignore', file.fd, file.fd], env: spec.env ?? process.env });
  let how: string | undefined;
  const ended = new Promise<string>((resolve) => {
    const end = (word: string) => {
      how = word;
      resolve(word);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(signal ?? `exit code ${code}`));
  });
  await file.close();
  const killAtExit = () => child.kill('SIGKILL');
  process.once('exit', killAtExit);
  void ended.then(() => process.off('exit', killAtExit));
  return {
    name: spec.name,
    pid: child.pid ?? 0,
    log,
    ended,
    alive: () => how === undefined,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Throws, with the end of its log, when a daemon that should be running is not. */
export async function mustLive(daemon: Daemon): Promise<void> {
  if (daemon.alive()) return;
  const text = await readFile(daemon.log, 'utf8').catch(() => '');
  throw new Error(
    `${daemon.name} ended (${await daemon.ended}); ${basename(daemon.log)} ends with:\n${lastLines(text, 25)}`,
  );
}
