import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { until } from '../../cluster/until.ts';
import type { Passage } from './dial.ts';
import { patience, type World } from './world.ts';

/** A new connection every 50 ms, each told by when it began and whether it came about before a packet is sent again. */
const script = `
const { connect } = require('node:net');
const [host, port] = process.argv.slice(1);
const tell = (at, passage) => console.log(at + ' ' + passage);
setInterval(() => {
  const at = Date.now();
  const socket = connect({ host, port: Number(port), timeout: 500 });
  const end = (passage) => { socket.destroy(); tell(at, passage); };
  socket.once('connect', () => end('open'));
  socket.once('timeout', () => setImmediate(() => socket.destroyed || end('closed')));
  socket.once('error', () => tell(at, 'closed'));
}, 50);
setTimeout(() => process.exit(), 120_000);
`;

interface Attempt {
  readonly at: number;
  readonly passage: Passage;
}

/** New connections from one pod to an address, over and over, from one process: its start is in no figure. */
export class Attempts implements Disposable {
  readonly #child;
  readonly #seen: Attempt[] = [];

  constructor(world: World, from: { namespace: string; pod: string }, to: { host: string; port: number }) {
    const command = ['node', '-e', script, to.host, String(to.port)];
    const args = ['--kubeconfig', world.cluster.kubeconfig, '-n', from.namespace, 'exec', from.pod, '--', ...command];
    this.#child = spawn(world.cluster.kubectlPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      const [at, passage] = line.split(' ');
      this.#seen.push({ at: Number(at), passage: passage === 'open' ? 'open' : 'closed' });
    });
  }

  /** Milliseconds from a moment to the begin of the first of ten attempts that all ended so. */
  turned(passage: Passage, since: number): Promise<number> {
    return until({ what: `new connections that are ${passage}`, timeoutMs: patience.timeout }, async () => {
      const later = this.#seen.filter(({ at }) => at >= since).sort((a, b) => a.at - b.at);
      const runs = later.slice(0, -9).map((_, index) => later.slice(index, index + 10));
      const first = runs.find((run) => run.every((one) => one.passage === passage))?.[0];
      return first === undefined ? undefined : first.at - since;
    });
  }

  [Symbol.dispose](): void {
    this.#child.kill();
  }
}
