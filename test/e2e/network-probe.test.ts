import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Agent } from './kit/agent.ts';
import { signal } from './kit/signal.ts';
import { operatorNamespace, patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let agent: Agent;

const probes = 'app.kubernetes.io/name=agentcard-network-probe';
const trusted = { Verified: 'True mTLSVerified', Ready: 'True ReadyToServe' };

/** Frozen, the node's enforcer leaves the rules that it has written, and protects no pod that comes after. */
const enforcer = (name: 'STOP' | 'CONT') => signal(world, 'kube-router', name);

beforeAll(async () => {
  world = await World.open();
  // What probes have shown an operator stands for a while after they are gone: this one has seen none.
  await world.uninstall();
  await world.install({ replicas: 1, networkProbe: { enabled: false } });
  namespace = await world.namespace('probed');
  agent = await Agent.deploy(world, namespace, 'weather');
});

afterAll(async () => {
  await enforcer('CONT');
  await world.kubectl('delete', 'namespace', namespace, '--wait=false', '--ignore-not-found');
});

test('without probes a policy that stands is not proven, and Ready does not hang on it', async () => {
  await agent.says({ ...trusted, Enforced: 'Unknown NotProven' });
});

test('where probes have shown that the network enforces, a policy is enforced', async () => {
  await world.install({ replicas: 1 });
  await agent.says({ ...trusted, Enforced: 'True PolicyApplied' });
});

test('where the network lets through what a policy denies, nothing is enforced, and the metric says so', async () => {
  await enforcer('STOP');
  await world.kubectl('-n', operatorNamespace, 'delete', 'pods', '-l', probes);
  const { status } = await agent.says({ ...trusted, Enforced: 'False NotEnforceable' });
  const enforced = status?.conditions?.find(({ type }) => type === 'Enforced');
  expect(enforced?.message).toContain('On node pool default, packets get into pods and out of them');
  const pods = `/api/v1/namespaces/${operatorNamespace}/pods`;
  const name = await world.kubectl(...['-n', operatorNamespace, 'get', 'pods', '-o', 'name', '-l'], operator);
  const metrics = await world.kubectl('get', '--raw', `${pods}/${name.trim().slice('pod/'.length)}:8080/proxy/metrics`);
  expect(metrics).toContain('agentcard_network_proof{state="refuted"} 1');
});

test('once it enforces again, the probe shows it by itself', async () => {
  await enforcer('CONT');
  await agent.says({ ...trusted, Enforced: 'True PolicyApplied' });
});

test('a probe has no token, and costs a few MiB of its own', async () => {
  const [pod] = (await world.json<{ items: readonly ProbePod[] }>('-n', operatorNamespace, 'get', 'pods', '-l', probes))
    .items;
  expect(pod?.spec.volumes ?? []).toEqual([]);
  await vi.waitFor(async () => {
    const found = await world.cluster.exec(['pgrep', '-f', '/app/network-probe.mjs']);
    const pids = found.trim().split('\n');
    expect(pids.length).toBe(2);
    for (const pid of pids) {
      const status = await world.cluster.exec(['grep', 'RssAnon', `/proc/${pid}/status`]);
      const kib = Number(/(\d+) kB/.exec(status)?.[1]);
      console.info(`a probe process holds ${(kib / 1024).toFixed(1)} MiB of its own`);
      expect(kib).toBeLessThan(24 * 1024);
    }
  }, patience);
});

const operator = 'app.kubernetes.io/name=agentcard-operator';

interface ProbePod {
  readonly spec: { readonly volumes?: readonly object[] };
}
