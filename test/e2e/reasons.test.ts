import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent } from './kit/agent.ts';
import { SignedAgent } from './kit/signed-agent.ts';
import { World } from './kit/world.ts';

let world: World;
let namespace: string;
let agent: Agent;

beforeAll(async () => {
  world = await World.open();
  await world.install({ signatureVerification: { enabled: true } });
  namespace = await world.namespace('reasons');
  agent = await Agent.deploy(world, namespace, 'weather');
});
afterAll(async () => {
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

const well = { Ready: 'True ReadyToServe', Verified: 'True mTLSVerified', Enforced: 'True PolicyApplied' };
const kubectl = (...args: string[]) => world.kubectl('-n', namespace, ...args);
const label = (...labels: string[]) => kubectl('label', 'deployment', 'weather', '--overwrite', ...labels);
const patch = (spec: object) =>
  kubectl('patch', 'agentcard', 'weather', '--type=merge', '-p', JSON.stringify({ spec }));
const service = (name: string) => {
  const made = agent.service(true) as { metadata: object };
  return { ...made, metadata: { ...made.metadata, name } };
};

interface Mistake {
  readonly make: () => Promise<unknown>;
  readonly says: Readonly<Record<string, string>>;
  readonly mend: () => Promise<unknown>;
}

const mistakes: Readonly<Record<string, Mistake>> = {
  'a workload that is no agent': {
    make: () => label('kagenti.io/type-'),
    says: {
      Ready: 'False NotAgentWorkload',
      Synced: 'False NotAgentWorkload',
      Bound: 'False WorkloadUnresolved',
      Enforced: 'False NotEnforceable',
    },
    mend: () => label('kagenti.io/type=agent'),
  },
  'an agent that speaks nothing we know': {
    make: () => label('protocol.kagenti.io/a2a-'),
    says: { Ready: 'False NoProtocol', Synced: 'False NoProtocol' },
    mend: () => label('protocol.kagenti.io/a2a='),
  },
  'a card that is suspended': {
    make: () => patch({ suspend: true }),
    says: { Ready: 'False Suspended', Synced: 'False Suspended', Verified: 'True mTLSVerified' },
    mend: () => patch({ suspend: null }),
  },
  'an approval of another card': {
    make: () => patch({ approvedCardId: '0'.repeat(64) }),
    says: { Ready: 'False CardNotApproved', Verified: 'False CardNotApproved', Synced: 'True SyncSucceeded' },
    mend: () => patch({ approvedCardId: null }),
  },
  'a quarantine': {
    make: () => patch({ quarantine: { reason: 'drill' } }),
    says: { Ready: 'False Quarantined', Verified: 'False Quarantined' },
    mend: () => patch({ quarantine: null }),
  },
  'no Service': {
    make: () => kubectl('delete', 'service', 'weather'),
    says: { Ready: 'False ServiceNotFound', Synced: 'False ServiceNotFound' },
    mend: () => world.apply(service('weather')),
  },
  'two Services of other names': {
    make: async () => {
      await world.apply(service('one'), service('two'));
      await kubectl('delete', 'service', 'weather');
    },
    says: { Ready: 'False AmbiguousService', Synced: 'False AmbiguousService' },
    mend: async () => {
      await world.apply(service('weather'));
      await kubectl('delete', 'service', 'one', 'two');
    },
  },
  'a card of somebody else, signed by them': {
    make: async () => agent.play('good', await signedByAnother()),
    says: {
      Ready: 'False SignatureInvalid',
      Bound: 'False SignerIsNotServer',
      Verified: 'False SignatureInvalid',
      SignatureVerified: 'True SignatureValid',
    },
    mend: async () => {
      await kubectl('delete', 'pod', '-l', 'app=weather');
      await kubectl('rollout', 'status', 'deployment/weather', '--timeout=60s');
    },
  },
  'a workload without pods': {
    make: () => kubectl('scale', 'deployment', 'weather', '--replicas=0'),
    says: { Ready: 'False WorkloadNotReady', Synced: 'False WorkloadNotReady' },
    mend: () => kubectl('scale', 'deployment', 'weather', '--replicas=1'),
  },
};

async function signedByAnother(): Promise<object> {
  const donor = new SignedAgent(world, namespace, 'donor');
  await world.apply(...donor.manifests({}));
  await kubectl('rollout', 'status', 'deployment/donor', '--timeout=90s');
  const [pod] = await donor.pods();
  const read = "console.log(require('node:fs').readFileSync('/app/.well-known/agent-card.json', 'utf8'))";
  return JSON.parse(await kubectl('exec', pod?.metadata.name ?? '', '-c', 'agent', '--', 'node', '-e', read)) as object;
}

test.each(Object.entries(mistakes))(
  '%s: the card says so, and is well again once that is mended',
  async (_, { make, says, mend }) => {
    await agent.says(well);
    await make();
    await agent.says(says);
    await mend();
    await agent.says(well);
  },
);

test("a NetworkPolicy of somebody else's under our name is told and left alone, and once it is gone ours comes", async () => {
  const name = 'late-signature-policy';
  const spec = { podSelector: { matchLabels: { app: 'late' } }, policyTypes: ['Ingress'], ingress: [] };
  await world.apply({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace }, spec });
  const late = await Agent.deploy(world, namespace, 'late');
  await late.says({ Enforced: 'False PolicyPending' });
  expect(await kubectl('get', 'networkpolicy', name, '-o', 'jsonpath={.metadata.labels}')).toBe('');
  await kubectl('delete', 'networkpolicy', name);
  await late.says(well);
});
