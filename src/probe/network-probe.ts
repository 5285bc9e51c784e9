import { connect, createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { next, portsOf, type Round, type Tally } from './tally.ts';

const greeting = 'agentcard-network-probe';
const patienceMs = 2_000;
const everyMs = 5_000;
/** Open while the last round proved it: the kubelet's readiness probe is told by this alone. */
const readyPort = 8080;

/** Whether the listener greets: a proxy beside us accepts connections that lead nowhere. */
export function greeted(host: string, port: number, waitMs = patienceMs): Promise<boolean> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect({ host, port, timeout: waitMs }).setEncoding('utf8');
    const over = () => {
      socket.destroy();
      resolve(heard === greeting);
    };
    socket.on('data', (text: string) => {
      heard = (heard + text).slice(0, greeting.length + 1);
      if (heard === greeting) over();
    });
    socket.on('timeout', over).on('error', over).on('end', over);
  });
}

/** A server that greets whoever connects. */
export function greeter(): Server {
  return createServer((socket) => socket.on('error', () => {}).end(greeting));
}

/** What is allowed frames what is denied: silence counts only while the listener is heard. */
async function round(host: string): Promise<Round> {
  const before = await greeted(host, portsOf.allowed);
  const [into, outOf] = await Promise.all([greeted(host, portsOf.deniedIn), greeted(host, portsOf.deniedOut)]);
  return { allowed: before && (await greeted(host, portsOf.allowed)), into, outOf };
}

async function dial(host: string): Promise<number> {
  const ready = greeter();
  for (let tally: Tally = { proven: false, leaks: 0 }; ; await sleep(everyMs)) {
    tally = next(tally, await round(host));
    if (tally.exit !== undefined) {
      process.stderr.write(
        'Connections that a NetworkPolicy denies were accepted: this network does not enforce them.\n',
      );
      return tally.exit;
    }
    if (tally.proven && !ready.listening) ready.listen(readyPort);
    else if (!tally.proven && ready.listening) ready.close();
  }
}

function main([role, host = '']: readonly string[]): Promise<number> | undefined {
  if (role === 'dial' && /^[0-9a-f.:]+$/i.test(host)) return dial(host);
  if (role === 'listen') for (const port of Object.values(portsOf)) greeter().listen(port);
  if (role === 'listen') return undefined;
  process.stderr.write('Usage: network-probe listen | network-probe dial <address of the Service of the listener>\n');
  return Promise.resolve(2);
}

if (import.meta.main) {
  const code = await main(process.argv.slice(2));
  if (code !== undefined) process.exit(code);
}
