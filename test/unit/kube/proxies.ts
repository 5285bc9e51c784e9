import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { onTestFinished } from 'vitest';
import { alternativeNames, dns, keyPemOf, keyUsage, mint, pemOf, root } from '../../pki/mint.ts';

/** A name that nobody here resolves: only a proxy gets to the server that has it. */
export const serverName = 'api.cluster.invalid';

export const authority = root('a.test');

export function certificateFor(name: string, issuer = authority) {
  const leaf = mint({ issuer, extensions: [keyUsage(['digitalSignature']), alternativeNames([dns(name)])] });
  return { cert: pemOf(leaf), key: keyPemOf(leaf) };
}

async function listening(server: TcpServer): Promise<number> {
  const open = new Set<Duplex>();
  server.on('connection', (socket) => open.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** An API server that speaks TLS and answers everything with an empty list; a watch never ends. */
export async function tlsApi(name = serverName): Promise<{ readonly port: number; readonly paths: readonly string[] }> {
  const paths: string[] = [];
  const server = createHttpsServer(certificateFor(name), (request, response) => {
    paths.push(request.url ?? '');
    response.write(JSON.stringify({ metadata: { resourceVersion: '1' }, items: [] }));
    if (!request.url?.includes('watch=1')) response.end();
  });
  return { port: await listening(server), paths };
}

/** Joins two streams for as long as both live. */
function splice(one: Duplex, other: Duplex): void {
  one.pipe(other).pipe(one);
  one.on('error', () => other.destroy());
  other.on('error', () => one.destroy());
}

/** An HTTP proxy that connects every name to loopback. */
export async function connectProxy(secret?: { readonly cert: string; readonly key: string }, status = 200) {
  const seen: { readonly authority: string; readonly authorization: string | undefined }[] = [];
  const server: Server = secret ? (createHttpsServer(secret) as unknown as Server) : createServer();
  server.on('connect', ({ url = '', headers }, client) => {
    seen.push({ authority: url, authorization: headers['proxy-authorization'] });
    if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const upstream = connect(Number(url.split(':').at(-1)), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      splice(client, upstream);
    });
  });
  return { port: await listening(server), seen };
}

/** A SOCKS5 proxy (RFC 1928) that asks for a password when one is set, and connects every name to loopback. */
export async function socksProxy(password?: string) {
  const seen: string[] = [];
  const server = createTcpServer((client) => {
    const steps = password === undefined ? ['hello', 'connect'] : ['hello', 'login', 'connect'];
    const step = (message: Buffer): void => {
      const now = steps.shift();
      if (now === 'hello') client.write(Buffer.from([5, password === undefined ? 0 : 2]));
      else if (now === 'login') {
        const [user = '', given = ''] = fieldsOf(message.subarray(1), 2);
        seen.push(`${user}:${given}`);
        client.write(Buffer.from([1, given === password ? 0 : 1]));
      } else if (now === 'connect') {
        const [host = ''] = fieldsOf(message.subarray(4), 1);
        const port = message.readUInt16BE(message.length - 2);
        seen.push(`${host}:${port}`);
        client.off('data', step);
        const upstream = connect(port, '127.0.0.1', () => {
          client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
          splice(client, upstream);
        });
      }
    };
    client.on('data', step);
  });
  return { port: await listening(server), seen };
}

/** Texts that stand one after the other, each behind its length. */
function fieldsOf(bytes: Buffer, count: number): string[] {
  const fields: string[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = bytes[at] ?? 0;
    fields.push(bytes.subarray(at + 1, at + 1 + length).toString());
    at += 1 + length;
  }
  return fields;
}

/** The path of a kubeconfig for a server behind a proxy. */
export function kubeconfigBehind(proxyUrl: string, port: number, name = serverName): string {
  const directory = mkdtempSync(join(tmpdir(), 'kube-proxy-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const cluster = {
    server: `https://${name}:${port}`,
    'certificate-authority-data': Buffer.from(pemOf(authority)).toString('base64'),
    'proxy-url': proxyUrl,
  };
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'x' },
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user: { token: 'abc' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
  };
  const path = join(directory, 'config');
  writeFileSync(path, JSON.stringify(config));
  return path;
}
