import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { cli, onCluster, oneSentence } from './cli.ts';

const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../package.json'), 'utf8'));
const deployment = {
  metadata: { name: 'agentcard-operator', namespace: 'agents', labels: { 'app.kubernetes.io/version': '9.8.7' } },
  spec: { template: { spec: { containers: [{ image: 'registry.test/operator@sha256:1' }] } } },
};
const world = (items: readonly object[]) => onCluster((call) => (call.endsWith('/deployments') ? { items } : 404));

describe('version', () => {
  test('of the plugin needs no cluster, also as --version', async () => {
    vi.stubEnv('KUBECONFIG', '/nowhere');
    const { status, out, err } = await cli(['version', '--client']);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toMatch(new RegExp(`^plugin {4}${version} \\(Node v\\d`));
    expect(await cli(['--version'])).toEqual({ status, out, err });
    const json = JSON.parse((await cli(['version', '--client', '-o', 'json'])).out);
    expect(json).toEqual({
      client: { version, node: process.version, platform: `${process.platform}/${process.arch}` },
    });
    vi.unstubAllEnvs();
  });

  test('of the plugin loads nothing that asks clusters', () => {
    const telling = `import { registerHooks } from 'node:module';
      registerHooks({ load(url, ...rest) { process.stderr.write(url + '\\n'); return rest.at(-1)(url, rest[0]); } });`;
    const hooks = `data:text/javascript,${encodeURIComponent(telling)}`;
    const main = join(import.meta.dirname, '../../../src/cli/main.ts');
    const args = ['--import', hooks, main, 'version', '--client'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stderr).toContain('src/cli/version.ts');
    expect(stderr).not.toMatch(/\/src\/(kube|wire|spiffe)\/|\/node_modules\//);
  });

  test('of the operator is what its Deployment says, of each that is seen', async () => {
    const { run, requests } = await world([deployment]);
    const { status, out } = await run('version');
    expect(status).toBe(0);
    const told = 'operator  9.8.7 (Deployment agents/agentcard-operator, image registry.test/operator@sha256:1)';
    expect(out.split('\n').slice(1)).toEqual([told, '']);
    expect(requests.map(({ query }) => query.get('labelSelector'))).toEqual([
      'app.kubernetes.io/name=agentcard-operator',
    ]);
    const { operators } = JSON.parse((await run('version', '-o', 'json')).out);
    expect(operators).toEqual([
      { name: 'agents/agentcard-operator', version: '9.8.7', image: 'registry.test/operator@sha256:1' },
    ]);
  });

  test('is said of the plugin where no operator is seen, or no cluster answers', async () => {
    const { run } = await world([]);
    expect(await run('version')).toMatchObject({
      status: 1,
      out: expect.stringMatching(/^plugin .*\n$/),
      err: expect.stringContaining('you may see no Deployment of the operator on http://127.0.0.1'),
    });
    const { run: refused } = await onCluster(() => 401);
    const plugin = expect.stringMatching(/^plugin .*\n$/);
    expect(await refused('version')).toMatchObject({ ...oneSentence, out: plugin });
  });

  test('stands in the name by which the plugin asks', async () => {
    const { run, requests } = await world([]);
    await run('version');
    expect(requests[0]?.headers['user-agent']).toBe(`kubectl-agentcard/${version}`);
  });
});
