/** Reads one answer by one of our readers and prints how long it was, in a process whose heap the test chose. */

import { readCard } from '../../../src/cli/card/input.ts';
import { Transport } from '../../../src/kube/client/transport.ts';
import { readLines } from '../../../src/kube/watch/watch-stream.ts';
import { fetch } from '../../../src/spiffe/tls/fetch.ts';

const [reader = '', port] = process.argv.slice(2);
const server = new URL(`http://127.0.0.1:${port}`);
const nothing = { headers: () => ({}), tls: () => ({}), invalidate: () => undefined };
const call = { method: 'GET', path: '/', timeoutMs: 60_000 } as const;

const readers: Record<string, () => Promise<number>> = {
  'an agent': async () => {
    const outcome = await fetch({
      address: '127.0.0.1',
      family: 4,
      port: Number(port),
      path: '/',
      hostHeader: 'agent',
      limits: { maxBytes: 1 << 20, timeoutMs: 60_000, maxHeaderBytes: 8192 },
      signal: new AbortController().signal,
    });
    return outcome.kind === 'answer' ? outcome.body.length : 0;
  },
  'the API server': async () => (await new Transport({ server, ...nothing }, 'test').send(call)).body.length,
  'a watch': async () => {
    let length = 0;
    for await (const line of readLines(await new Transport({ server, ...nothing }, 'test').stream(call, 60_000))) {
      length += line.length + 1;
    }
    return length;
  },
  'a URL on the command line': async () => {
    const card = await readCard(server.href, { stdin: () => process.stdin } as never);
    return card.ok ? JSON.stringify(card.value.raw).length + 1 : 0;
  },
};

console.log(await readers[reader]?.());
process.exit(0);
