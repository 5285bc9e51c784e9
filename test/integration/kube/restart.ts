import { readFile } from 'node:fs/promises';
import { afterAll } from 'vitest';
import type { ApiServer } from '../../cluster/api-server.ts';
import { type Daemon, startDaemon } from '../../cluster/daemon.ts';

/** Those that were started here, by the process that they replaced in the end. */
const successors = new Map<number, Daemon>();

/** Kills etcd or the API server, does something, and starts it again with the same arguments. */
export async function restart(
  api: ApiServer,
  which: 'etcd' | 'apiServer',
  meanwhile: (args: readonly string[]) => Promise<void>,
): Promise<void> {
  const first = api.pids()[which];
  const before = successors.get(first);
  const pid = before?.pid ?? first;
  const [command = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
  process.kill(pid, 'SIGKILL');
  await before?.ended;
  await meanwhile(args);
  successors.set(first, await startDaemon({ name: which, command, args, logs: api.logs }));
}

afterAll(() => Promise.all([...successors.values()].map((daemon) => daemon.kill())));
