import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import type { ApiError } from '../../../../src/kube/client/api-error.ts';
import { KubeClient } from '../../../../src/kube/client/client.ts';
import { kubeconfigConfig } from '../../../../src/kube/client/kubeconfig.ts';
import { resources } from '../../../../src/kube/objects.ts';
import { pemOf } from '../../../pki/mint.ts';
import {
  authority,
  certificateFor,
  connectProxy,
  kubeconfigBehind,
  serverName,
  socksProxy,
  tlsApi,
} from '../proxies.ts';

async function clientBehind(proxyUrl: string, port: number, name?: string): Promise<KubeClient> {
  const client = new KubeClient(await kubeconfigConfig(kubeconfigBehind(proxyUrl, port, name)));
  onTestFinished(() => client.close());
  return client;
}

const failure = (promise: Promise<unknown>): Promise<ApiError> =>
  promise.then(
    () => Promise.reject(new Error('it succeeded')),
    (error: ApiError) => error,
  );

test('calls and watches go through the proxy-url of the kubeconfig, calls by one tunnel after the other', async () => {
  const api = await tlsApi();
  const proxy = await connectProxy();
  const client = await clientBehind(`http://127.0.0.1:${proxy.port}`, api.port);
  for (let call = 0; call < 3; call++) await client.list(resources.pods);
  const watch = await client.stream({ method: 'GET', path: '/api/v1/pods', query: { watch: 1 } }, 10_000);
  watch.destroy();
  expect(api.paths).toEqual([...Array(3).fill('/api/v1/pods?limit=500'), '/api/v1/pods?watch=1']);
  const through = { authority: `${serverName}:${api.port}`, authorization: undefined };
  expect(proxy.seen).toEqual([through, through]);
});

test('a proxy is told the user and password of its URL, and the API server is not', async () => {
  const api = await tlsApi();
  const proxy = await connectProxy();
  const client = await clientBehind(`http://me:p%40ss@127.0.0.1:${proxy.port}`, api.port);
  await client.list(resources.pods);
  const basic = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  expect(proxy.seen).toEqual([{ authority: `${serverName}:${api.port}`, authorization: basic }]);
});

test('a proxy of https: must have a certificate that the machine trusts', async () => {
  const api = await tlsApi();
  const proxy = await connectProxy(certificateFor('localhost'));
  const url = `https://localhost:${proxy.port}`;
  expect(await failure((await clientBehind(url, api.port)).list(resources.pods))).toMatchObject({ code: 0 });
  const usual = getCACertificates('default');
  onTestFinished(() => setDefaultCACertificates(usual));
  setDefaultCACertificates([...usual, pemOf(authority)]);
  expect((await (await clientBehind(url, api.port)).list(resources.pods)).items).toEqual([]);
  expect(proxy.seen).toHaveLength(1);
});

test.each([
  ['socks5', undefined],
  ['socks5h', 'secret'],
])('a proxy of %s: resolves the name of the API server, password %s', async (scheme, password) => {
  const api = await tlsApi();
  const proxy = await socksProxy(password);
  const login = password === undefined ? '' : `me:${password}@`;
  const client = await clientBehind(`${scheme}://${login}127.0.0.1:${proxy.port}`, api.port);
  for (let call = 0; call < 3; call++) expect((await client.list(resources.pods)).items).toEqual([]);
  const logins = password === undefined ? [] : [`me:${password}`];
  expect(proxy.seen).toEqual([...logins, `${serverName}:${api.port}`]);
});

test('behind a proxy the certificate of the API server is checked as without one', async () => {
  const api = await tlsApi('other.invalid');
  const proxy = await connectProxy();
  const { reason, message } = await failure(
    (await clientBehind(`http://127.0.0.1:${proxy.port}`, api.port)).list(resources.pods),
  );
  expect([reason, message]).toEqual(['ConnectionFailed', expect.stringContaining(serverName)]);
  expect(api.paths).toEqual([]);
});

test('a proxy that refuses, or is not there, is named by the failure, and nothing goes around it', async () => {
  const api = await tlsApi('localhost');
  const refusing = await connectProxy(undefined, 407);
  const client = await clientBehind(`http://me:secret@127.0.0.1:${refusing.port}`, api.port, 'localhost');
  const { code, message } = await failure(client.list(resources.pods));
  expect([code, message]).toEqual([
    0,
    `the proxy 127.0.0.1:${refusing.port} answered 407 instead of connecting to localhost:${api.port}`,
  ]);
  for (const scheme of ['http', 'socks5']) {
    const gone = await clientBehind(`${scheme}://127.0.0.1:1`, api.port, 'localhost');
    expect(await failure(gone.list(resources.pods))).toMatchObject({ code: 0, reason: 'ConnectionFailed' });
  }
  expect(api.paths).toEqual([]);
});

test.each(['ftp://127.0.0.1:21', 'socks4://127.0.0.1:1080', 'nonsense'])('the proxy-url %s is refused', async (url) => {
  await expect(kubeconfigConfig(kubeconfigBehind(url, 6443))).rejects.toThrow('write http://, https:// or socks5://');
});
