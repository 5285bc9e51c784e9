import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { pemOf, svid } from '../../../pki/mint.ts';
import { agentId, agentSvid, answer, http, https, identity, rootA, rootB, tcp, tlsOptions } from './peers.ts';

async function inEnvironment(env: Record<string, string>, flags: readonly string[] = []): Promise<unknown> {
  const impostor = svid(rootB, agentId);
  const ports = [await https(answer, tlsOptions([agentSvid])), await https(answer, tlsOptions([impostor]))];
  const child = spawn(process.execPath, [...flags, join(import.meta.dirname, './environment-child.ts')], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { chainPem, keyPem } = identity.svid ?? {};
  child.stdin.end(JSON.stringify({ ports, httpPort: await http(answer), chainPem, keyPem, ca: pemOf(rootA) }));
  const [output] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return JSON.parse(output);
}

const asEver = ['answer', 'PeerCertificateInvalid', 'answer'];

test('NODE_TLS_REJECT_UNAUTHORIZED lets no impostor in', async () => {
  expect(await inEnvironment({ NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' })).toEqual(asEver);
});

test('extra and system authorities vouch for nobody', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'authorities-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'extra.pem');
  writeFileSync(file, pemOf(rootB));
  expect(await inEnvironment({ NODE_EXTRA_CA_CERTS: file })).toEqual(asEver);
  expect(await inEnvironment({ SSL_CERT_FILE: file }, ['--use-openssl-ca'])).toEqual(asEver);
});

test('a proxy is never asked', async () => {
  let connections = 0;
  const proxy = `http://127.0.0.1:${await tcp((socket) => {
    connections++;
    socket.destroy();
  })}`;
  const names = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'];
  const env = Object.fromEntries(names.map((name) => [name, proxy]));
  expect(await inEnvironment({ ...env, NODE_USE_ENV_PROXY: '1' })).toEqual(asEver);
  expect(connections).toBe(0);
});
