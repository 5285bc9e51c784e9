import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
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
  // Its ports are free when it is gone, which a kill does not wait for.
  while (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) await sleep(5);
  await meanwhile(args);
  successors.set(first, await startDaemon({ name: which, command, args, logs: api.logs }));
}

afterAll(() => Promise.all([...successors.values()].map((daemon) => daemon.kill())));
