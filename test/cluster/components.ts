import { join } from 'node:path';
import type { ToolName } from './catalogue.ts';
import { apiServerArgs, etcdArgs, node } from './control-plane.ts';
import type { Places } from './state.ts';

export interface Component {
  readonly name: ToolName;
  readonly args: readonly string[];
}

const etcdAddress = 'http://127.0.0.1:2379';
/** With the defaults three hundred Deployments take minutes. */
const hurry = ['--kube-api-qps=300', '--kube-api-burst=600', '--leader-elect=false'];

/** A Service's change reaches the packets after this long, instead of a second. */
const proxyPace = '--iptables-min-sync-period=100ms';

/** Pure: etcd and the API server. */
export function controlPlane(at: Places, port: number): { readonly etcd: Component; readonly apiServer: Component } {
  const extraArgs = [
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--kubelet-client-certificate=${join(at.pki, 'admin.crt')}`,
    `--kubelet-client-key=${join(at.pki, 'admin.key')}`,
    '--kubelet-preferred-address-types=InternalIP',
  ];
  const settings = { etcdUrl: etcdAddress, pki: at.pki, port, bindAddress: '0.0.0.0', extraArgs };
  return {
    etcd: { name: 'etcd', args: etcdArgs(join(at.run, 'etcd'), etcdAddress) },
    apiServer: { name: 'kube-apiserver', args: apiServerArgs(settings) },
  };
}

/** Pure: what starts once the API server answers. */
export function controllers(at: Places): Component[] {
  const as = (name: string) => `--kubeconfig=${join(at.pki, `${name}.kubeconfig`)}`;
  const managerArgs = [
    '--use-service-account-credentials',
    `--service-account-private-key-file=${join(at.pki, 'sa.key')}`,
    `--root-ca-file=${join(at.pki, 'ca.crt')}`,
    `--cluster-signing-cert-file=${join(at.pki, 'ca.crt')}`,
    `--cluster-signing-key-file=${join(at.pki, 'ca.key')}`,
    ...['--allocate-node-cidrs', `--cluster-cidr=${node.podCidr}`, '--node-cidr-mask-size=24'],
  ];
  return [
    { name: 'kube-controller-manager', args: [as('kube-controller-manager'), ...hurry, ...managerArgs] },
    { name: 'kube-scheduler', args: [as('kube-scheduler'), ...hurry] },
  ];
}

export interface NodeComponents {
  readonly kubelet: Component;
  readonly proxy: Component;
  /** kube-router, only as the enforcer of NetworkPolicies; it gives up at once when its node does not exist yet. */
  readonly policies: Component;
}

/** Pure: what makes this machine the node. */
export function nodeComponents(at: Places): NodeComponents {
  const hostname = `--hostname-override=${node.name}`;
  const kubelet = [`--config=${join(at.root, 'kubelet.json')}`, `--kubeconfig=${join(at.pki, 'kubelet.kubeconfig')}`];
  const proxy = [`--kubeconfig=${join(at.pki, 'kube-proxy.kubeconfig')}`, '--proxy-mode=iptables'];
  const firewall = ['--run-firewall=true', '--run-router=false', '--run-service-proxy=false', '--health-port=0'];
  const services = `--service-cluster-ip-range=${node.serviceCidr}`;
  return {
    kubelet: { name: 'kubelet', args: [...kubelet, hostname, `--node-ip=${node.ip}`] },
    proxy: {
      name: 'kube-proxy',
      args: [...proxy, hostname, `--cluster-cidr=${node.podCidr}`, '--conntrack-max-per-core=0', proxyPace],
    },
    policies: { name: 'kube-router', args: [`--kubeconfig=${at.kubeconfig}`, ...firewall, hostname, services] },
  };
}
