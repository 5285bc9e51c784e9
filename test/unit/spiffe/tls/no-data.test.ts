import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createServer } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { keyPemOf, pemOf } from '../../../pki/mint.ts';
import { agentSvid, askTls, listen, rootA, tlsOptions } from './peers.ts';

/** Sends so many session tickets once it is proven, and never an answer. Returns the port. */
async function ticketServer(tickets: number): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'agentcard-tickets-'));
  const [cert, key, ca] = ['cert.pem', 'key.pem', 'ca.pem'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await Promise.all([
    writeFile(cert, pemOf(agentSvid)),
    writeFile(key, keyPemOf(agentSvid)),
    writeFile(ca, pemOf(rootA)),
  ]);
  const files = ['-cert', cert, '-key', key, '-CAfile', ca, '-Verify', '1'];
  const how = ['-accept', '127.0.0.1:0', '-tls1_3', '-alpn', 'http/1.1', '-num_tickets', String(tickets)];
  const server = spawn('openssl', ['s_server', ...how, ...files], { stdio: ['pipe', 'pipe', 'ignore'] });
  onTestFinished(async () => {
    server.kill();
    await rm(folder, { recursive: true });
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const [, port] = /^ACCEPT .*:(\d+)$/.exec(line) ?? [];
    if (port !== undefined) return Number(port);
  }
  throw new Error('openssl s_server does not listen');
}

const limits = { timeoutMs: 20_000, maxBytes: 1024 * 1024, maxHeaderBytes: 16 * 1024 };

test('who is proven and goes on sending TLS messages without data is left', async () => {
  const outcome = await askTls(await ticketServer(2_000), { limits });
  expect(outcome).toMatchObject({ code: 'MalformedResponse', guilt: 'none' });
});

test('a few session tickets are no fault', async () => {
  expect(await askTls(await ticketServer(10), { limits: { ...limits, timeoutMs: 500 } })).toMatchObject({
    code: 'Timeout',
  });
});

test('an answer in records of a byte is read', async () => {
  const text = `HTTP/1.1 200 OK\r\ncontent-length: 20000\r\n\r\n${'x'.repeat(20_000)}`;
  const server = createServer(tlsOptions([agentSvid]), (socket) => {
    socket.once('data', async () => {
      // One after the other, so that none shares a record.
      for (const byte of text) await new Promise((resolve) => socket.write(byte, resolve));
    });
  });
  expect(await askTls(await listen(server), { limits })).toMatchObject({ kind: 'answer', status: 200 });
});
