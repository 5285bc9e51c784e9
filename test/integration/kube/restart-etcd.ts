import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import type { ApiServer } from '../../cluster/api-server.ts';
import { type Daemon, startDaemon } from '../../cluster/daemon.ts';

const started: Daemon[] = [];

/** Kills etcd under the API server and starts it again on the same data and ports after `downMs`. */
export async function restartEtcd(api: ApiServer, downMs: number): Promise<void> {
  const pid = started.at(-1)?.pid ?? api.etcd.pid;
  const [command = '', ...args] = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1);
  process.kill(pid, 'SIGKILL');
  await sleep(downMs);
  started.push(await startDaemon({ name: 'etcd', command, args, logs: api.logs }));
}

afterAll(() => Promise.all(started.map((daemon) => daemon.kill())));
