import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GrowingBuffer } from '../../../src/wire/growing-buffer.ts';
import { tcp } from '../spiffe/tls/peers.ts';

test('what is taken is what was added, and a piece too many changes nothing', () => {
  const piece = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.array(fc.array(piece, { maxLength: 30 }), { maxLength: 4 }), fc.nat(300), (rounds, most) => {
      const buffer = new GrowingBuffer(most);
      for (const pieces of rounds) {
        let expected = Buffer.alloc(0);
        for (const each of pieces) {
          const fits = expected.length + each.length <= most;
          expect(buffer.add(each)).toBe(fits);
          if (fits) expected = Buffer.concat([expected, each]);
          expect(buffer.size).toBe(expected.length);
        }
        expect(buffer.take()).toEqual(expected);
      }
    }),
  );
});

test('a piece is never written to', () => {
  const [slab, buffer] = [Buffer.from('abcd'), new GrowingBuffer(8)];
  buffer.add(slab.subarray(0, 1));
  buffer.add(Buffer.from('x'));
  expect([slab.toString(), buffer.take().toString()]).toEqual(['abcd', 'ax']);
});

const card = `${JSON.stringify({
  name: 'Ferry Desk',
  description: 'd'.repeat(1_000_000),
  version: '1.0.0',
  capabilities: {},
  defaultInputModes: [],
  defaultOutputModes: [],
  skills: [],
  supportedInterfaces: [{ url: 'https://ferry.test/', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
})}\n`;

/** Each byte of the answer is a chunk of its own. */
async function answerByteByByte(socket: Socket): Promise<void> {
  await once(socket, 'data');
  socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
  for (let start = 0; start < card.length; start += 8192) {
    const chunks = card.slice(start, start + 8192).replaceAll(/[\s\S]/g, (letter) => `1\r\n${letter}\r\n`);
    if (!socket.write(chunks)) await once(socket, 'drain');
  }
  socket.end('0\r\n\r\n');
}

test.each(['an agent', 'the API server', 'a watch', 'a URL on the command line'])(
  'an answer of %s that comes in a million pieces is read in the memory of one',
  async (reader) => {
    const port = await tcp((socket) => void answerByteByByte(socket).catch(() => socket.destroy()));
    const script = join(import.meta.dirname, 'growing-buffer-child.ts');
    const child = spawn(process.execPath, ['--max-old-space-size=64', script, reader, String(port)], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [length, [status, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    expect({ length: Number(length), status, signal }).toEqual({ length: card.length, status: 0, signal: null });
  },
);
