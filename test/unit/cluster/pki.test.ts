import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { renderKubeconfig } from '../../cluster/kubeconfig.ts';
import { makePki } from '../../cluster/pki.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pki-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('every certificate is signed by the CA, has its names and its use, and is no CA itself', async () => {
  await makePki(join(folder, 'pki'), [
    { name: 'server', subject: '/CN=server', names: ['DNS:localhost', 'IP:127.0.0.1'], usage: 'server' },
    { name: 'admin', subject: '/O=system:masters/CN=admin', usage: 'client' },
  ]);
  const read = async (name: string) => new X509Certificate(await readFile(join(folder, 'pki', name)));
  const [ca, server, admin] = await Promise.all([read('ca.crt'), read('server.crt'), read('admin.crt')]);
  expect(ca.ca).toBe(true);
  for (const leaf of [server, admin]) {
    expect(leaf.ca).toBe(false);
    expect(leaf.verify(ca.publicKey)).toBe(true);
  }
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(server.checkHost('localhost')).toBe('localhost');
  expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(admin.subject).toBe('O=system:masters\nCN=admin');
  expect((await stat(join(folder, 'pki'))).mode & 0o077).toBe(0);
});

test('a kubeconfig holds all that a client needs, and no path', () => {
  const text = renderKubeconfig({ server: 'https://127.0.0.1:1', caPem: 'ca', certPem: 'cert', keyPem: 'key' });
  const config = JSON.parse(text);
  expect(config.clusters[0].cluster).toEqual({
    server: 'https://127.0.0.1:1',
    'certificate-authority-data': Buffer.from('ca').toString('base64'),
  });
  expect(Object.keys(config.users[0].user)).toEqual(['client-certificate-data', 'client-key-data']);
  expect(config['current-context']).toBe(config.contexts[0].name);
});
