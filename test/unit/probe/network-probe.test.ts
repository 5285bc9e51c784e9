import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { greeted, greeter } from '../../../src/probe/network-probe.ts';

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

test('whoever listens as the listener does is heard', async () => {
  expect(await greeted('127.0.0.1', await listening(greeter()))).toBe(true);
});

test('a port that is closed, one that says something else and one that says nothing are not', async () => {
  const closed = createServer();
  const port = await listening(closed);
  closed.close();
  expect(await greeted('127.0.0.1', port)).toBe(false);
  const other = await listening(createServer((socket) => socket.end('agentcard-network-probe and more')));
  expect(await greeted('127.0.0.1', other)).toBe(false);
  const mute = await listening(createServer(() => {}));
  expect(await greeted('127.0.0.1', mute, 50)).toBe(false);
});
