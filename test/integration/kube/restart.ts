import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import type { ApiServer } from '../../cluster/api-server.ts';
import { type Daemon, startDaemon } from '../../cluster/daemon.ts';

/** A process that is started again whenever it ends, as a kubelet would. */
interface Supervised {
  daemon: Daemon;
  wanted: boolean;
}

/** By the process that was there in the beginning. */
const successors = new Map<number, Supervised>();

/** Kills etcd or the API server, does something, and starts it again with the same arguments. */
export async function restart(
  api: ApiServer,
  which: 'etcd' | 'apiServer',
  meanwhile: (args: readonly string[]) => Promise<void>,
): Promise<void> {
  const first = api.pids()[which];
  const before = successors.get(first);
  const pid = before?.daemon.pid ?? first;
  const [command = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
  if (before !== undefined) before.wanted = false;
  process.kill(pid, 'SIGKILL');
  // Its ports are free when it is gone, which a kill does not wait for.
  while (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) await sleep(5);
  await meanwhile(args);
  const start = () => startDaemon({ name: which, command, args, logs: api.logs });
  const supervised = { daemon: await start(), wanted: true };
  successors.set(first, supervised);
  void supervise(supervised, start);
}

async function supervise(supervised: Supervised, start: () => Promise<Daemon>): Promise<void> {
  for (;;) {
    await supervised.daemon.ended;
    if (!supervised.wanted) return;
    await sleep(200);
    supervised.daemon = await start();
  }
}

afterAll(async () => {
  for (const supervised of successors.values()) {
    supervised.wanted = false;
    await supervised.daemon.kill();
  }
});
