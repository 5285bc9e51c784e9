/** A network, a process tree and folders of our own, in which a whole fleet of addresses is local. */
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { run } from '../cluster/command.ts';
import { unshareArgs, withoutProxies } from '../cluster/isolation.ts';
import { mustFit } from '../cluster/preflight.ts';
import { places } from '../cluster/state.ts';
import { ensureTools } from '../cluster/tools.ts';

/** Where the fake node's pods live: RFC 2544's range for tests. One process answers for all of them. */
export const podCidr = '198.18.64.0/18';
export const nodeIp = '198.18.0.1';

/** What a world is made of. Built outside, since inside there is no way out. */
export const worldTools = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kwok', 'kwok-stages'] as const;

/** Runs a program inside, until its end, for the one message that it sends. What it starts ends with it, or with us. */
export async function runIsolated<Report>(program: string, env: NodeJS.ProcessEnv = {}): Promise<Report> {
  mustFit(places());
  await ensureTools(worldTools);
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...unshareArgs([process.execPath, program])], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: withoutProxies({ ...process.env, ...env }),
  });
  return new Promise((resolve, reject) => {
    let report: Report | undefined;
    child.once('message', (message) => {
      report = message as Report;
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (report === undefined) reject(new Error(`${program} ended with ${code}`));
      else resolve(report);
    });
  });
}

const serviceAccount = '/run/secrets/kubernetes.io/serviceaccount';

/** Inside, first. */
export async function makeNetwork(pods = podCidr): Promise<void> {
  await run('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'bench', '/run']);
  for (const args of ['link set lo up', `addr add ${nodeIp}/32 dev lo`, `route add local ${pods} dev lo`]) {
    await run('ip', args.split(' '));
  }
  // Every fetch leaves a port in TIME_WAIT, and several thousand a minute would use them up.
  await writeFile('/proc/sys/net/ipv4/ip_local_port_range', '10000 65000');
  await writeFile('/proc/sys/net/ipv4/tcp_tw_reuse', '1');
}

/** Credentials where a pod has them, so that the operator runs as it does in a cluster. */
export async function placeServiceAccount(token: string, caPem: string): Promise<void> {
  await mkdir(serviceAccount, { recursive: true });
  await writeFile(`${serviceAccount}/token`, token);
  await writeFile(`${serviceAccount}/ca.crt`, caPem);
  await writeFile(`${serviceAccount}/namespace`, 'agentcard-system');
}
