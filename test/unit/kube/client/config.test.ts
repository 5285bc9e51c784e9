import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { inClusterConfig } from '../../../../src/kube/client/config.ts';
import { kubeconfigConfig } from '../../../../src/kube/client/kubeconfig.ts';

function folder(files: Record<string, string>): string {
  const directory = mkdtempSync(join(tmpdir(), 'kube-config-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content);
  return directory;
}

const env = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };

test('outside a pod it says what to do instead', () => {
  expect(() => inClusterConfig({ env: {} })).toThrow('--kubeconfig');
});

test('in a pod server, namespace, token and CA come from the service account', async () => {
  const directory = folder({ token: 'one\n', 'ca.crt': 'CA', namespace: 'agents\n' });
  const config = inClusterConfig({ env, directory });
  expect(config.server.href).toBe('https://10.0.0.1/');
  expect(config.namespace).toBe('agents');
  expect(await config.headers()).toEqual({ authorization: 'Bearer one' });
  expect((await config.tls()).ca?.toString()).toBe('CA');
});

test('an IPv6 service address is put in brackets', () => {
  const directory = folder({ token: 'one', 'ca.crt': 'CA' });
  const config = inClusterConfig({ env: { ...env, KUBERNETES_SERVICE_HOST: 'fd00::1' }, directory });
  expect(config.server.host).toBe('[fd00::1]');
  expect(config.namespace).toBeUndefined();
});

test('a rotated token and CA are read within a minute, and at once after a 401', async () => {
  const clock = { now: 0 };
  const directory = folder({ token: 'one', 'ca.crt': 'CA1' });
  const config = inClusterConfig({ env, directory, now: () => clock.now });
  const current = async () => [(await config.headers()).authorization, String((await config.tls()).ca)];
  await current();
  writeFileSync(join(directory, 'token'), 'two');
  writeFileSync(join(directory, 'ca.crt'), 'CA2');
  clock.now = 59_999;
  expect(await current()).toEqual(['Bearer one', 'CA1']);
  clock.now = 60_000;
  expect(await current()).toEqual(['Bearer two', 'CA2']);
  writeFileSync(join(directory, 'token'), 'three');
  config.invalidate();
  expect(await current()).toEqual(['Bearer three', 'CA2']);
});

test('a token that cannot be read for a moment does not replace the last good one', async () => {
  const clock = { now: 0 };
  const directory = folder({ token: 'one', 'ca.crt': 'CA1' });
  const config = inClusterConfig({ env, directory, now: () => clock.now });
  await config.headers();
  rmSync(join(directory, 'token'));
  clock.now = 120_000;
  expect(await config.headers()).toEqual({ authorization: 'Bearer one' });
});

function kubeconfig(user: object, cluster: object = {}): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://api.test:6443/base', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'agents' } }],
    'current-context': 'x',
  });
}
const base64 = (text: string) => Buffer.from(text).toString('base64');

test('a kubeconfig gives certificates, server name and namespace', async () => {
  const user = { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') };
  const cluster = { 'certificate-authority-data': base64('CA'), 'tls-server-name': 'api.internal' };
  const config = await kubeconfigConfig(join(folder({ config: kubeconfig(user, cluster) }), 'config'));
  const { ca, cert, key, servername } = await config.tls();
  expect([ca, cert, key, servername].map(String)).toEqual(['CA', 'CERT', 'KEY', 'api.internal']);
  expect(config.server.href).toBe('https://api.test:6443/base');
  expect(config.namespace).toBe('agents');
});

test.each([
  ['a token', { token: 'abc' }, 'Bearer abc'],
  ['a password', { username: 'me', password: 'pw' }, `Basic ${base64('me:pw')}`],
])('a kubeconfig with %s gives its header', async (_, user, authorization) => {
  const config = await kubeconfigConfig(join(folder({ config: kubeconfig(user) }), 'config'));
  expect(await config.headers()).toMatchObject({ authorization });
});

test('an exec plugin is asked once, and again after a 401', async () => {
  const directory = folder({ count: '' });
  const plugin = join(directory, 'plugin.sh');
  const credential =
    '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t%s"}}';
  writeFileSync(
    plugin,
    `#!/bin/sh\nprintf x >> ${directory}/count\nprintf '${credential}' $(wc -c < ${directory}/count)\n`,
  );
  chmodSync(plugin, 0o755);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
  writeFileSync(join(directory, 'config'), kubeconfig({ exec }));
  const config = await kubeconfigConfig(join(directory, 'config'));
  const authorization = async () => (await config.headers()).authorization;
  expect([await authorization(), await authorization()]).toEqual(['Bearer t1', 'Bearer t1']);
  config.invalidate();
  expect(await authorization()).toBe('Bearer t2');
});

test('a plugin that fails once is asked again at the next call', async () => {
  const directory = folder({});
  const plugin = join(directory, 'plugin.sh');
  writeFileSync(plugin, '#!/bin/sh\nexit 1\n');
  chmodSync(plugin, 0o755);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: plugin, interactiveMode: 'Never' };
  writeFileSync(join(directory, 'config'), kubeconfig({ exec }));
  const config = await kubeconfigConfig(join(directory, 'config'));
  await expect(async () => config.headers()).rejects.toThrow();
  const credential = { apiVersion: exec.apiVersion, kind: 'ExecCredential', status: { token: 'ok' } };
  writeFileSync(plugin, `#!/bin/sh\necho '${JSON.stringify(credential)}'\n`);
  expect(await config.headers()).toMatchObject({ authorization: 'Bearer ok' });
});

test('a kubeconfig without a current cluster says what to do', async () => {
  const path = join(folder({ config: JSON.stringify({ clusters: [], users: [], contexts: [] }) }), 'config');
  await expect(kubeconfigConfig(path)).rejects.toThrow('use-context');
});
