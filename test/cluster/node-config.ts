import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { apiServerNames, node } from './control-plane.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { type CertificateSpec, makePki } from './pki.ts';
import type { Places, Plan } from './state.ts';

const admin: CertificateSpec = { name: 'admin', subject: '/O=system:masters/CN=admin', usage: 'client' };

/** One client certificate for each part of Kubernetes that talks to the API server. */
const certificates: readonly CertificateSpec[] = [
  admin,
  { name: 'apiserver', subject: '/CN=kube-apiserver', names: apiServerNames, usage: 'both' },
  { name: 'kube-controller-manager', subject: '/CN=system:kube-controller-manager', usage: 'client' },
  { name: 'kube-scheduler', subject: '/CN=system:kube-scheduler', usage: 'client' },
  { name: 'kube-proxy', subject: '/CN=system:kube-proxy', usage: 'client' },
  {
    name: 'kubelet',
    subject: `/O=system:nodes/CN=system:node:${node.name}`,
    names: [`DNS:${node.name}`, 'IP:127.0.0.1', `IP:${node.ip}`],
    usage: 'both',
  },
];

/** Pure: JSON is YAML. */
export function kubeletConfig(at: Places): string {
  const pki = (name: string) => join(at.pki, name);
  return JSON.stringify({
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: pki('ca.crt') },
    },
    authorization: { mode: 'Webhook' },
    tlsCertFile: pki('kubelet.crt'),
    tlsPrivateKeyFile: pki('kubelet.key'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${at.cgroup}`,
    failSwapOn: false,
    failCgroupV1: false,
    clusterDNS: [node.dnsIp],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    evictionHard: { 'nodefs.available': '1%', 'imagefs.available': '1%', 'memory.available': '50Mi' },
    imageGCHighThresholdPercent: 100,
    podLogsDir: join(at.log, 'pods'),
    syncFrequency: '10s',
    maxPods: 200,
  });
}

/** Pure. Only the data lies in our folder: sockets live under the node's own /run, where paths are short. */
export function containerdConfig(at: Places, cniBin: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${join(at.run, 'containerd')}"
state = "/run/containerd"
[${cri}]
  sandbox_image = "localhost/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [${cri}.cni]
    bin_dir = "${cniBin}"
    conf_dir = "${join(at.root, 'cni')}"
  [${cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}

/** Pure: one veth pair per pod, routed, without masquerading, so that policies see the pods' own addresses. */
export function cniConfig(): string {
  const ipam = {
    type: 'host-local',
    ranges: [[{ subnet: node.nodePodCidr }]],
    routes: [{ dst: '0.0.0.0/0' }],
    dataDir: '/run/cni',
  };
  const plugins = [
    { type: 'ptp', ipMasq: false, ipam },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  return JSON.stringify({ cniVersion: '1.0.0', name: 'pods', plugins });
}

/** Pure: kubectl with this cluster's credentials, for people. */
export function kubectlWrapper(kubectl: string, kubeconfig: string): string {
  return `#!/bin/sh\nKUBECONFIG='${kubeconfig}' exec '${kubectl}' "$@"\n`;
}

/** Writes everything that the parts read at their start: certificates, kubeconfigs, configuration files. */
export async function writeNodeConfig(at: Places, plan: Plan, port: number): Promise<void> {
  await makePki(at.pki, certificates);
  const read = (name: string) => readFile(join(at.pki, name), 'utf8');
  const caPem = await read('ca.crt');
  const kubeconfig = async (name: string, path: string) => {
    const [certPem, keyPem] = await Promise.all([read(`${name}.crt`), read(`${name}.key`)]);
    const text = renderKubeconfig({ server: `https://127.0.0.1:${port}`, caPem, certPem, keyPem });
    await writeFile(path, text, { mode: 0o600 });
  };
  const users = certificates.map(({ name }) => name).filter((name) => name !== 'apiserver' && name !== 'admin');
  await Promise.all([
    kubeconfig(admin.name, at.kubeconfig),
    ...users.map((name) => kubeconfig(name, join(at.pki, `${name}.kubeconfig`))),
  ]);
  await mkdir(join(at.root, 'cni'), { recursive: true });
  await writeFile(join(at.root, 'cni', '10-ptp.conflist'), cniConfig());
  await writeFile(join(at.root, 'kubelet.json'), kubeletConfig(at));
  await writeFile(join(at.root, 'containerd.toml'), containerdConfig(at, '/usr/lib/cni'));
  await writeFile(at.kubectl, kubectlWrapper(plan.tools.kubectl ?? 'kubectl', at.kubeconfig));
  await chmod(at.kubectl, 0o755);
}
