import { readFileSync } from 'node:fs';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { type ConfigMap, resources } from '../../../src/kube/objects.ts';
import { LeaderElection } from '../../../src/kube/runtime/leader-election.ts';

/** What a contender is told on its command line. */
export interface ContenderSettings {
  readonly server: string;
  readonly caFile: string;
  readonly token: string;
  readonly namespace: string;
  readonly identity: string;
}

/** A process that writes one ConfigMap after the other for as long as it may, as the leader of a namespace. */
async function main(settings: ContenderSettings): Promise<void> {
  const { server, caFile, token, namespace, identity } = settings;
  const ca = readFileSync(caFile);
  const headers = () => ({ authorization: `Bearer ${token}` });
  const client = new KubeClient({ server: new URL(server), headers, tls: () => ({ ca }), invalidate: () => {} });
  const election = new LeaderElection({ client, name: 'contest', namespace, identity });
  client.fence = () => election.isLeader();
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort());
  void election.lost.then(() => process.exit(1));
  await election.acquire(stop.signal);
  for (let n = 0; !stop.signal.aborted; n++) {
    const metadata = { name: `${identity}-${n}`, namespace };
    // A refused write is what the fence is for; the next one asks it again.
    const object: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { identity } };
    await client.create(resources.configMaps, object).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await election.release();
  process.exit(0);
}

if (process.argv[2] !== undefined) await main(JSON.parse(process.argv[2]));
