import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { kubeconfigConfig } from '../../../../src/kube/client/kubeconfig.ts';

afterEach(() => vi.unstubAllEnvs());

function folder(files: Readonly<Record<string, string | object>>): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(directory, name), typeof content === 'string' ? content : JSON.stringify(content));
  return (name) => join(directory, name);
}

/** A file with one cluster, user and context of a name, all of that name. */
function fileOf(name: string, port = 6443, current = name) {
  return {
    'current-context': current,
    clusters: [{ name, cluster: { server: `https://${name}.test:${port}` } }],
    users: [{ name, user: { token: `token-of-${name}-${port}` } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: `home-of-${name}` } }],
  };
}

async function told(path?: string, choice = {}) {
  const config = await kubeconfigConfig(path, choice);
  return [config.server.host, (await config.headers()).authorization, config.namespace];
}

describe('KUBECONFIG', () => {
  test('is a list of files of which some may be missing; of each name the first counts, and the first current context', async () => {
    const at = folder({ a: fileOf('a', 1, ''), b: fileOf('b', 2), again: { ...fileOf('a', 9), ...fileOf('b', 9) } });
    vi.stubEnv('KUBECONFIG', ['', at('missing'), at('a'), at('b'), at('again')].join(delimiter));
    expect(await told()).toEqual(['b.test:2', 'Bearer token-of-b-2', 'home-of-b']);
    expect(await told(undefined, { context: 'a' })).toEqual(['a.test:1', 'Bearer token-of-a-1', 'home-of-a']);
  });

  test('that names nothing there, and a home without a kubeconfig, are told with the file and what to do', async () => {
    const at = folder({});
    vi.stubEnv('KUBECONFIG', `${at('x')}${delimiter}${at('y')}`);
    const wanted = `there is no kubeconfig ${at('x')}${delimiter}${at('y')}: name one by --kubeconfig or KUBECONFIG`;
    await expect(kubeconfigConfig()).rejects.toThrow(wanted);
    vi.stubEnv('KUBECONFIG', '');
    vi.stubEnv('HOME', at(''));
    await expect(kubeconfigConfig()).rejects.toThrow(`there is no kubeconfig ${at('.kube/config')}: name one`);
  });

  test('with a file that is there and lacks another one is no list with a missing file', async () => {
    const at = folder({ a: { ...fileOf('a'), users: [{ name: 'a', user: { 'token-file': '/nowhere/token' } }] } });
    vi.stubEnv('KUBECONFIG', at('a'));
    await expect(kubeconfigConfig()).rejects.toThrow(`the kubeconfig ${at('a')} cannot be read: ENOENT`);
  });
});

describe('a choice', () => {
  const both = () => {
    const [a, b] = [fileOf('a'), fileOf('b')];
    const { clusters, users, contexts } = a;
    return folder({
      both: {
        ...a,
        clusters: [...clusters, ...b.clusters],
        users: [...users, ...b.users],
        contexts: [...contexts, ...b.contexts],
      },
    })('both');
  };

  test.each([
    [{}, ['a.test:6443', 'Bearer token-of-a-6443', 'home-of-a']],
    [{ context: 'b' }, ['b.test:6443', 'Bearer token-of-b-6443', 'home-of-b']],
    [{ cluster: 'b' }, ['b.test:6443', 'Bearer token-of-a-6443', 'home-of-a']],
    [{ user: 'b' }, ['a.test:6443', 'Bearer token-of-b-6443', 'home-of-a']],
    [{ token: 'mine' }, ['a.test:6443', 'Bearer mine', 'home-of-a']],
    [{ context: 'b', user: 'a', token: 'mine' }, ['b.test:6443', 'Bearer mine', 'home-of-b']],
  ])('of %o goes where kubectl goes', async (choice, wanted) => {
    expect(await told(both(), choice)).toEqual(wanted);
  });

  test('of a token leaves out what the user would prove itself by', async () => {
    const user = { 'client-certificate-data': 'QQ==', 'client-key-data': 'QQ==', exec: { command: '/nowhere/login' } };
    const at = folder({ a: { ...fileOf('a'), users: [{ name: 'a', user }] } });
    const config = await kubeconfigConfig(at('a'), { token: 'mine' });
    expect(await config.tls()).toEqual({});
    expect(await config.headers()).toEqual({ authorization: 'Bearer mine' });
  });

  test.each([
    [{ context: 'c' }, 'has no context c: choose one of a, b'],
    [{ cluster: 'c' }, 'has no cluster c: choose one of a, b'],
    [{ user: 'c' }, 'has no user c: choose one of a, b'],
  ])('of %o, which is not there, is told with the file and what there is', async (choice, why) => {
    const path = both();
    await expect(kubeconfigConfig(path, choice)).rejects.toThrow(`${path} ${why}`);
  });

  test('of a cluster needs no context', async () => {
    const at = folder({ a: { ...fileOf('a', 1, ''), contexts: [] } });
    expect(await told(at('a'), { cluster: 'a', user: 'a' })).toEqual(['a.test:1', 'Bearer token-of-a-1', undefined]);
    await expect(kubeconfigConfig(at('a'))).rejects.toThrow(
      `${at('a')} has no current context: choose one by --context`,
    );
  });
});

test.each([
  ['a: b: c', 'bad indentation of a mapping entry (1:5)'],
  ['', 'expected a document, but the input is empty'],
  ['null', 'it is no kubeconfig'],
  ['clusters: [{name: a}]', 'clusters[0].cluster is missing'],
  ['clusters: [{name: a, cluster: {server: 1}}]', 'it is no kubeconfig'],
  ['users:\n- name: a\n  user: {token: "secret\n', 'deficient indentation (4:1)'],
])('bad YAML %j is told with its file and no line of it', async (text, why) => {
  const at = folder({ bad: text });
  const refused = await kubeconfigConfig(at('bad')).catch(({ message }: Error) => message);
  expect(refused).toContain(`the kubeconfig ${at('bad')} cannot be read: ${why}`);
  expect(refused).toMatch(/; mend it, or name another by --kubeconfig$/);
  expect(refused).not.toMatch(/secret|\n/);
});

test('a file that is not there, or a folder, is told by its name', async () => {
  const at = folder({});
  await expect(kubeconfigConfig(at('x'))).rejects.toThrow(
    `there is no kubeconfig ${at('x')}: name one by --kubeconfig or KUBECONFIG`,
  );
  await expect(kubeconfigConfig(at(''))).rejects.toThrow(`the kubeconfig ${at('')} cannot be read: EISDIR`);
});

test('a server without a scheme is told with its cluster', async () => {
  const at = folder({ a: { ...fileOf('a'), clusters: [{ name: 'a', cluster: { server: 'localhost:6443' } }] } });
  await expect(kubeconfigConfig(at('a'))).rejects.toThrow(`the server of cluster a in ${at('a')} is no address`);
});

test('a file that goes away meanwhile costs no call', async () => {
  const at = folder({ a: fileOf('a') });
  const config = await kubeconfigConfig(at('a'));
  rmSync(at('a'));
  config.invalidate();
  expect(await config.headers()).toEqual({ authorization: 'Bearer token-of-a-6443' });
});
