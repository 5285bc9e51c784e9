import { join } from 'node:path';

/** Addresses that exist only inside the node's own network namespace (198.18.0.0/15 is RFC 2544's range for tests). */
export const node = {
  name: 'node1',
  ip: '198.18.0.1',
  podCidr: '198.19.0.0/17',
  nodePodCidr: '198.19.0.0/24',
  serviceCidr: '198.19.128.0/17',
  apiServiceIp: '198.19.128.1',
  dnsIp: '198.19.128.10',
} as const;

/** Pure. Durability is off: nothing that this etcd holds is meant to outlive it. */
export function etcdArgs(dataDir: string, clientUrl: string): string[] {
  return [
    `--data-dir=${dataDir}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    '--listen-peer-urls=http://127.0.0.1:0',
    '--unsafe-no-fsync',
    '--quota-backend-bytes=4294967296',
  ];
}

export interface ApiServerSettings {
  readonly etcdUrl: string;
  readonly pki: string;
  readonly port: number;
  readonly bindAddress: string;
  /** Flags that come last and therefore win. */
  readonly extraArgs: readonly string[];
}

/** Pure. No request-header flags: 1.37 refuses a request-header CA that is the client CA as well. */
export function apiServerArgs({ etcdUrl, pki, port, bindAddress, extraArgs }: ApiServerSettings): string[] {
  const file = (name: string) => join(pki, name);
  return [
    `--etcd-servers=${etcdUrl}`,
    `--secure-port=${port}`,
    `--bind-address=${bindAddress}`,
    `--advertise-address=${node.ip}`,
    `--client-ca-file=${file('ca.crt')}`,
    `--tls-cert-file=${file('apiserver.crt')}`,
    `--tls-private-key-file=${file('apiserver.key')}`,
    `--service-account-key-file=${file('sa.pub')}`,
    `--service-account-signing-key-file=${file('sa.key')}`,
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-cluster-ip-range=${node.serviceCidr}`,
    '--allow-privileged=true',
    ...extraArgs,
  ];
}

/** The names that the API server's certificate answers to, from pods, from the node and from outside. */
export const apiServerNames = [
  ...['DNS:localhost', 'DNS:kubernetes', 'DNS:kubernetes.default', 'DNS:kubernetes.default.svc'],
  ...['IP:127.0.0.1', `IP:${node.ip}`, `IP:${node.apiServiceIp}`],
];
