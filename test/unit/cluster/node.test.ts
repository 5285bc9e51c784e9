import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { controllers, controlPlane, nodeComponents } from '../../cluster/components.ts';
import { apiServerNames, node } from '../../cluster/control-plane.ts';
import { nsenterArgs, placeRefusal, unshareArgs, withoutProxies } from '../../cluster/isolation.ts';
import { cniConfig, containerdConfig, kubectlWrapper, kubeletConfig } from '../../cluster/node-config.ts';
import { missingMessage } from '../../cluster/packages.ts';
import { refusal } from '../../cluster/preflight.ts';
import { busyMessage, places } from '../../cluster/state.ts';

const at = places('/cache/cluster');
const manifests = fileURLToPath(new URL('../../cluster/manifests', import.meta.url));
const objects = readdirSync(manifests).flatMap((name) =>
  parseAllDocuments(readFileSync(`${manifests}/${name}`, 'utf8')).map((document) => document.toJS()),
);

test('two clusters never share a cgroup subtree', () => {
  expect(places('/other/cluster').cgroup).not.toBe(at.cgroup);
  expect(JSON.parse(kubeletConfig(at)).cgroupRoot).toBe(`/${at.cgroup}`);
});

test('the API server is reached by one port inside and outside, and its certificate names every way to it', () => {
  const { apiServer } = controlPlane(at, 12345);
  expect(apiServer.args).toContain('--secure-port=12345');
  expect(apiServerNames).toEqual(
    expect.arrayContaining(['IP:127.0.0.1', `IP:${node.ip}`, `IP:${node.apiServiceIp}`, 'DNS:kubernetes.default.svc']),
  );
});

test('every part but the enforcer of policies acts with its own rights', () => {
  const { kubelet, proxy, policies } = nodeComponents(at);
  const kubeconfigs = [...controllers(at), kubelet, proxy].map(({ args }) =>
    args.find((arg) => arg.startsWith('--kubeconfig=')),
  );
  expect(new Set(kubeconfigs).size).toBe(4);
  expect(kubeconfigs).not.toContain(`--kubeconfig=${at.kubeconfig}`);
  expect(policies.args).toContain('--run-router=false');
});

test("sockets lie under the node's own /run, whatever the length of the cache's path", () => {
  expect(JSON.parse(kubeletConfig(at)).containerRuntimeEndpoint).toBe('unix:///run/containerd/containerd.sock');
  expect(containerdConfig(at, '/cni')).toContain('state = "/run/containerd"');
  expect(containerdConfig(at, '/cni')).toContain('root = "/cache/cluster/run/containerd"');
});

test('pods keep their own addresses', () => {
  const [plugin] = JSON.parse(cniConfig()).plugins;
  expect(plugin).toMatchObject({ type: 'ptp', ipMasq: false });
});

test('the kubectl for people carries the kubeconfig and every argument', () => {
  expect(kubectlWrapper('/bin/kubectl', '/kube config')).toBe(
    `#!/bin/sh\nKUBECONFIG='/kube config' exec '/bin/kubectl' "$@"\n`,
  );
});

test('a node has namespaces of its own, and dies with its starter', () => {
  const args = unshareArgs(['node', 'inside.ts']);
  for (const wanted of ['--net', '--pid', '--mount', '--uts', '--ipc', '--kill-child=SIGKILL']) {
    expect(args).toContain(wanted);
  }
  expect(args.slice(-2)).toEqual(['node', 'inside.ts']);
  expect(unshareArgs(['x'], 1000)).toEqual(['--user', '--map-root-user', ...unshareArgs(['x'], 0)]);
  expect(nsenterArgs(7, '/here', ['id'])).toEqual([
    ...['--target', '7', '--net', '--mount', '--pid', '--uts', '--ipc', '--wd=/here', '--', 'id'],
  ]);
});

test('no proxy setting reaches the node', () => {
  const env = { HTTP_PROXY: 'p', https_proxy: 'p', NO_PROXY: 'n', PATH: '/bin' };
  expect(withoutProxies(env)).toEqual({ PATH: '/bin' });
});

test('a machine, a user or a folder that cannot hold a node is told why and what to do', () => {
  expect(refusal({ platform: 'linux', uid: 0 })).toBeUndefined();
  expect(refusal({ platform: 'darwin', uid: 0 })).toMatch(/Linux.*KUBEBUILDER_ASSETS/);
  expect(refusal({ platform: 'linux', uid: 1000 })).toMatch(/root.*sudo/);
  expect(placeRefusal('/var/lib/cache/cluster')).toMatch(/\/var\/lib.*AGENTCARD_CACHE/);
  expect(placeRefusal('/variable/cluster')).toBeUndefined();
  expect(missingMessage(['ctr', 'containerd', 'ip'])).toContain('apt-get install containerd iproute2)');
  expect(busyMessage(at, { phase: 'ready', life: 'tied', supervisor: 42, init: 43, port: 1 })).toMatch(
    /42.*cluster-down/,
  );
});

test('no manifest would make a node ask a registry', () => {
  const containers = objects.flatMap((object) => object?.spec?.template?.spec?.containers ?? []);
  expect(containers.length).toBeGreaterThan(2);
  for (const container of containers) {
    expect(container).toMatchObject({ imagePullPolicy: 'Never', image: expect.stringMatching(/^localhost\//) });
  }
});

test("DNS has the address that the kubelet tells pods, and SPIRE's agent the server's", () => {
  const service = (name: string) =>
    objects.find((object) => object.kind === 'Service' && object.metadata.name === name);
  expect(service('kube-dns').spec.clusterIP).toBe(node.dnsIp);
  const agent = objects.find((object) => object.kind === 'ConfigMap' && object.metadata.name === 'spire-agent');
  expect(agent.data['agent.conf']).toContain(`server_address = "${service('spire-server').spec.clusterIP}"`);
});

test('every pod outside the system namespaces has the identity of its service account', () => {
  const identity = objects.find((object) => object.kind === 'ClusterSPIFFEID');
  expect(identity.spec).toMatchObject({
    spiffeIDTemplate: 'spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}',
    podSelector: {},
  });
});
