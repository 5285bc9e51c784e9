import { describe, expect, test } from 'vitest';
import type { Fleet } from '../../../src/cli/explain/fleet.ts';
import { enforcedPolicies, reachOf } from '../../../src/cli/explain/forecast.ts';
import { summarize, summaryText } from '../../../src/cli/explain/summary.ts';
import { explanationText } from '../../../src/cli/explain/text.ts';
import { drawTree } from '../../../src/cli/tree.ts';
import type { Condition, NetworkPolicy, Pod } from '../../../src/kube/objects.ts';
import type { AgentCard } from '../../../src/operator/api/agentcard.ts';
import { messageWithRemedy } from '../../../src/operator/api/conditions.ts';
import { identityLabel } from '../../../src/operator/api/labels.ts';
import { identityValue } from '../../../src/operator/api/marks.ts';
import { workloadKey } from '../../../src/operator/workload/workload.ts';
import { settings, snapshot, workload } from '../operator/kit/builders.ts';
import { onCluster, oneSentence } from './cli.ts';

const label = 'agent.kagenti.dev/signature-verified';

function condition(type: 'Ready' | 'Verified', status: 'True' | 'False', reason: string): Condition {
  const message = messageWithRemedy(type, reason, 'Seen.');
  return { type, status, reason, message, lastTransitionTime: '' };
}

function agent(name: string, verified: boolean): AgentCard {
  const ready = verified ? condition('Ready', 'True', 'ReadyToServe') : condition('Ready', 'False', 'NotVerified');
  const trust = condition('Verified', verified ? 'True' : 'False', verified ? 'mTLSVerified' : 'NotVerified');
  return {
    metadata: { name, namespace: 'team', uid: `${name}-uid` },
    spec: { targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, syncPeriod: '5m' },
    status: { conditions: [ready, trust] },
  };
}

function pod(name: string, app: string, labels: object = {}): Pod {
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${app}-r1`, uid: 'r', controller: true };
  const worn = { app, 'pod-template-hash': 'r1', ...labels };
  return {
    metadata: { name, namespace: 'team', labels: worn, ownerReferences: [owner] },
    status: { podIPs: [{ ip: '198.19.0.1' }] },
  };
}

const deployment = (name: string) => ({
  ...workload,
  name,
  selector: { matchLabels: { app: name } },
  templateLabels: { app: name },
});

function fleet(over: Partial<Fleet> = {}): Fleet {
  const workloads = ['weather', 'plain'].map(deployment);
  return {
    cards: [agent('weather', true), agent('plain', false)],
    workloads: new Map(workloads.map((one) => [workloadKey('team', one), one])),
    pods: [
      pod('w-0', 'weather', { [label]: 'true' }),
      pod('p-0', 'plain'),
      pod('b-0', 'bystander'),
      pod('b-1', 'bystander'),
    ],
    policies: [],
    namespaceLabels: (name) => ({ 'kubernetes.io/metadata.name': name }),
    settings,
    peers: { ...snapshot().cluster, ...settings },
    notes: [],
    ...over,
  };
}
const quiet = { workload: null, conditions: [], checks: [], mode: 'off', policy: null, notes: [] };

const ways = (card: AgentCard, seen: Fleet) => {
  const { callers, reaches } = reachOf(card, seen);
  const text = ({ who, pods, now, enforced }: (typeof callers)[number]) => `${who} ${pods} ${now} ${enforced}`;
  return { callers: callers.map(text), reaches: reaches.map(text) };
};

describe('the forecast', () => {
  test('a verified agent keeps verified callers, and goes out as before', () => {
    expect(ways(agent('weather', true), fleet())).toEqual({
      callers: ['team/bystander 2 open closed', 'team/plain 1 open closed'],
      reaches: [
        'DNS 1 open open',
        'the API server 1 open open',
        'addresses outside the cluster 1 open open',
        'team/plain 1 open closed',
      ],
    });
  });

  test('an unverified one is left with DNS and the API server', () => {
    expect(ways(agent('plain', false), fleet())).toEqual({
      callers: ['team/bystander 2 open closed', 'team/weather 1 open closed'],
      reaches: [
        'DNS 1 open open',
        'the API server 1 open open',
        'addresses outside the cluster 1 open closed',
        'team/weather 1 open closed',
      ],
    });
  });

  test('a list of callers closes an agent to every other one, and says by which entry the rest may call', () => {
    const [mine, theirs] = ['weather', 'clock'].map((name) => identityValue(`spiffe://example.org/ns/team/sa/${name}`));
    const callee = agent('plain', true);
    const card = { ...callee, spec: { ...callee.spec, callers: [{ agentCard: { name: 'weather' } }] } };
    const listing = fleet({
      cards: [agent('weather', true), card],
      workloads: new Map(
        ['weather', 'plain'].map((name) => [
          workloadKey('team', { ...deployment(name) }),
          { ...deployment(name), serviceAccount: name },
        ]),
      ),
      pods: [
        pod('w-0', 'weather', { [label]: 'true', [identityLabel]: mine }),
        pod('c-0', 'clock', { [label]: 'true', [identityLabel]: theirs }),
        pod('p-0', 'plain', { [label]: 'true' }),
      ],
    });
    const told = (named: AgentCard, side: 'callers' | 'reaches') =>
      reachOf(named, listing)[side].map(({ who, enforced, list }) => `${who} ${enforced} ${list}`);
    expect(told(card, 'callers')).toEqual([
      'team/clock closed not listed',
      'team/weather open listed as AgentCard team/weather',
    ]);
    expect(told(agent('weather', true), 'reaches')).toContain('team/plain open listed as AgentCard team/weather');
    expect(explanationText({ card: 'team/plain', ...quiet, ...reachOf(card, listing) })).toContain(
      'enforcing would close it to\n      └─ team/clock (verified, not listed)',
    );
  });

  test('a foreign policy counts, now and then, and ours of today does not', () => {
    const deny: NetworkPolicy = {
      metadata: { name: 'deny', namespace: 'team' },
      spec: { podSelector: {}, policyTypes: ['Ingress'] },
    };
    const [ours] = enforcedPolicies(fleet());
    const seen = fleet({ policies: ours === undefined ? [deny] : [deny, ours] });
    expect(enforcedPolicies(seen)).toHaveLength(3);
    const { callers } = reachOf(agent('weather', true), seen);
    expect(callers.map(({ now, by }) => [now, by])).toEqual([
      ['closed', 'deny'],
      ['closed', 'deny'],
    ]);
  });

  test('a port by its name is open where the callee has a port of that name', () => {
    const egress = [{ ports: [{ protocol: 'UDP', port: 'dns' }] }];
    const named: NetworkPolicy = {
      metadata: { name: 'named', namespace: 'team' },
      spec: { podSelector: {}, policyTypes: ['Egress'], egress },
    };
    const { cluster } = snapshot();
    const [{ namespace, podLabels: labels, ports } = { namespace: '', podLabels: {}, ports: [] }] = cluster.dns;
    const [port] = ports;
    const dns = (name: string): Pod => ({
      metadata: { name: 'dns-0', namespace, labels },
      spec: { containers: [{ ports: [{ name, containerPort: port?.port ?? 0, protocol: port?.protocol ?? '' }] }] },
    });
    const reaches = (pods: readonly Pod[]) =>
      Object.fromEntries(
        reachOf(agent('weather', true), fleet({ policies: [named], pods })).reaches.map(({ who, now }) => [who, now]),
      );
    const closed = { 'the API server': 'closed', 'addresses outside the cluster': 'closed' };
    expect(reaches([dns('dns')])).toEqual({ DNS: 'open', ...closed });
    expect(reaches([dns('other')])).toEqual({ DNS: 'closed', ...closed });
  });

  test('of an agent on the network of its host says nothing', () => {
    const hosted = { ...deployment('weather'), hostNetwork: true };
    const seen = fleet({ workloads: new Map([[workloadKey('team', hosted), hosted]]) });
    expect(reachOf(agent('weather', true), seen)).toEqual({ callers: [], reaches: [] });
  });

  test('a card without a workload reaches nobody', () => {
    expect(reachOf(agent('ghost', false), fleet())).toEqual({ callers: [], reaches: [] });
  });
});

describe('the text', () => {
  test('is a tree of reasons, each with what to do, and of ways', () => {
    const card = agent('plain', false);
    const text = explanationText({
      card: 'team/plain',
      workload: 'Deployment plain',
      conditions: card.status?.conditions ?? [],
      checks: [
        { name: 'workload', result: 'pass', observed: 'Deployment plain' },
        { name: 'endpoint', result: 'pass', observed: 'Service plain', hint: 'Narrow it.' },
        { name: 'transport', result: 'fail', expected: 'mutual TLS', observed: 'plain HTTP', hint: 'Add a port.' },
        { name: 'approval', result: 'skipped' },
      ],
      mode: 'audit',
      policy: null,
      ...reachOf(card, fleet()),
      notes: ['Something could not be seen.'],
    });
    expect(text).toBe(`AgentCard team/plain: Deployment plain
├─ Ready False NotVerified
│  ├─ Seen.
│  └─ what to do: Serve the card over SPIFFE mutual TLS on the Service port agent-tls, or sign it.
├─ Verified False NotVerified
│  ├─ Seen.
│  └─ what to do: Serve the card over SPIFFE mutual TLS on the Service port agent-tls, or sign it.
├─ checks
│  ├─ ✓ workload: Deployment plain
│  ├─ ✓ endpoint: Service plain
│  │  └─ what to do: Narrow it.
│  ├─ ✗ transport: expected mutual TLS; plain HTTP
│  │  └─ what to do: Add a port.
│  └─ - approval
├─ network: audit
│  ├─ may call it
│  │  ├─ team/bystander (2 pods)
│  │  └─ team/weather (verified)
│  ├─ it may reach
│  │  ├─ DNS
│  │  ├─ the API server
│  │  ├─ addresses outside the cluster
│  │  └─ team/weather (verified)
│  ├─ enforcing would close it to
│  │  ├─ team/bystander (2 pods)
│  │  └─ team/weather (verified)
│  └─ enforcing would keep it from
│     ├─ addresses outside the cluster
│     └─ team/weather (verified)
└─ note: Something could not be seen.
`);
  });

  test('says what to do by the name that the TLS port has', () => {
    const facts = { workload: null, checks: [], mode: 'off', policy: null, notes: [], callers: [], reaches: [] };
    const todo = 'Serve the card over SPIFFE mutual TLS on the Service port mtls, or sign it.';
    const conditions = [{ ...condition('Verified', 'False', 'NotVerified'), message: `Seen. ${todo}` }];
    const text = explanationText({ card: 'team/plain', conditions, ...facts }, undefined, 'mtls');
    expect(text).toContain(`what to do: ${todo}\n`);
    expect(summaryText(summarize(fleet()), undefined, 'mtls')).toContain(`NotVerified: 1. ${todo}\n`);
  });

  test('gathers a long list by namespace', () => {
    const many = Array.from({ length: 40 }, (_, index) => pod(`many-${index}-0`, `many-${index}`));
    const card = agent('weather', true);
    const { callers } = reachOf(card, fleet({ pods: [pod('w-0', 'weather'), ...many, ...many.slice(0, 5)] }));
    const outside = {
      who: 'shop/front',
      pods: 1,
      verified: false,
      now: 'open',
      enforced: 'open',
      by: null,
      list: null,
    } as const;
    const text = explanationText({ card: 'team/weather', ...quiet, callers: [...callers, outside], reaches: [] });
    expect(text).toContain(`   ├─ may call it
   │  ├─ team/… (40 workloads, 45 pods)
   │  └─ shop/front
`);
  });

  test('of the fleet counts reasons and names what enforcement would close', () => {
    const audit = fleet({ settings: { ...settings, enforcement: 'audit' } });
    expect(summaryText(summarize(audit))).toBe(`2 AgentCards, 1 Ready
├─ not Ready
│  └─ NotVerified: 1. Serve the card over SPIFFE mutual TLS on the Service port agent-tls, or sign it.
│     └─ team/plain
└─ namespaces
   └─ team: 2 cards, audit
      └─ enforcing would close to all but the operator
         └─ team/plain
`);
    expect(summarize(fleet()).namespaces).toEqual([{ name: 'team', cards: 2, mode: 'enforce', wouldClose: [] }]);
  });

  test('of the fleet says who may call whom, and what a list would cut', () => {
    const proven = (name: string, id: string) => {
      const { status, ...card } = agent(name, true);
      return { ...card, status: { ...status, attestedAgentSpiffeId: `spiffe://example.org/ns/team/sa/${id}` } };
    };
    const callee = proven('plain', 'plain');
    const callers = [{ serviceAccount: { name: 'cron' } }, { agentCard: { name: 'gone' } }];
    const cards = [
      proven('weather', 'weather'),
      proven('jobs', 'cron'),
      { ...callee, spec: { ...callee.spec, callers } },
    ];
    const audit = fleet({ cards, settings: { ...settings, enforcement: 'audit' } });
    expect(summaryText(summarize(audit))).toContain(`└─ who may call
   └─ team/plain
      ├─ callers
      │  └─ ServiceAccount team/cron
      ├─ cannot call
      │  └─ AgentCard team/gone: It is not there, or in a namespace that is not watched.
      └─ enforcing would keep out
         └─ team/weather
`);
    expect(summarize(fleet({ cards })).lists).toEqual([expect.objectContaining({ card: 'team/plain', wouldLose: [] })]);
  });

  test('draws a line per branch', () => {
    expect(drawTree({ text: 'a', below: [{ text: 'b', below: [{ text: 'c' }] }, { text: 'd' }] })).toBe(
      'a\n├─ b\n│  └─ c\n└─ d',
    );
  });

  test('folds between words where a terminal ends, never inside one', () => {
    const id = 'spiffe://example.org/ns/a-long-namespace/sa/a-long-account';
    const told = `The pod proved ${id}, expected another one than that, which is to be found out`;
    const tree = { text: 'a', below: [{ text: told, below: [{ text: 'c' }] }, { text: 'd' }] };
    expect(drawTree(tree, 40)).toBe(
      [
        'a',
        '├─ The pod proved',
        `│  ${id},`,
        '│  expected another one than that, which',
        '│  is to be found out',
        '│  └─ c',
        '└─ d',
      ].join('\n'),
    );
    expect(drawTree(tree)).toContain(told);
  });

  test('says once what to do where the message says it in its own words', () => {
    const message = "Seen. Look at SPIRE's agent.";
    const own = { ...condition('Verified', 'True', 'EvidenceHeld'), message };
    const card = agent('plain', false);
    const parts = { card: 'a/b', workload: null, checks: [], mode: 'off', policy: null, notes: [] };
    const text = explanationText({ ...parts, ...reachOf(card, fleet()), conditions: [own] });
    expect(text).toContain(message);
    expect(text).not.toContain('what to do');
  });
});

const cardsPath = '/apis/agent.kagenti.dev/v1alpha1';

describe('what a user may not see', () => {
  test.each([
    ['without the right to list cards', 403, 'you may not list AgentCards'],
    ['without the kind', 404, 'the cluster does not serve AgentCards'],
  ])('is no fleet without fault: %s', async (_, code, why) => {
    const { run } = await onCluster((call) => (call.includes(cardsPath) ? code : { items: [] }));
    const result = await run('explain', '--all');
    expect(result).toMatchObject(oneSentence);
    expect(result.err).toContain(why);
  });

  test('is named beside what is seen', async () => {
    const { run } = await onCluster((call) => {
      if (call.startsWith(`GET ${cardsPath}/agentcards`)) return 403;
      if (call.endsWith('/agentcards')) return { items: [agent('weather', true)] };
      return /namespaces$|deployments$/.test(call) ? 403 : { items: [] };
    });
    const { status, out } = await run('explain', '--all');
    expect(status).toBe(0);
    expect(out).toContain('1 AgentCard, 1 Ready');
    expect(out).toContain('note: You may not list deployments, namespaces: what depends on them is missing here.');
    expect(out).toContain('note: You may list agentcards of namespace team alone: the rest is missing here.');
  });
});

test.each([
  ['v1beta1', ['v1beta1']],
  ['v1alpha1', ['v1beta1', 'v1beta1', 'v1alpha1']],
])('Sandboxes are seen in the best version that is served: %s', async (served, asked) => {
  const hash = 'agents.x-k8s.io/sandbox-name-hash';
  const metadata = { name: 'weather', namespace: 'team', uid: 's' };
  const sandbox = { metadata, spec: { podTemplate: {} }, status: { selector: `${hash}=1f2e` } };
  const owner = {
    apiVersion: `agents.x-k8s.io/${served}`,
    kind: 'Sandbox',
    name: 'weather',
    uid: 's',
    controller: true,
  };
  const labels = { [hash]: '1f2e', [label]: 'true' };
  const running = { metadata: { ...pod('w-0', 'weather').metadata, labels, ownerReferences: [owner] } };
  const targetRef = { apiVersion: 'agents.x-k8s.io/v1alpha1', kind: 'Sandbox', name: 'weather' };
  const own = { ...agent('weather', true), spec: { targetRef, syncPeriod: '5m' } };
  const versions: string[] = [];
  const { run } = await onCluster((call) => {
    const version = /agents\.x-k8s\.io\/(\w+)\/(namespaces\/team\/)?sandboxes$/.exec(call)?.[1];
    if (version !== undefined) versions.push(version);
    if (version !== undefined) return version === served ? { items: [sandbox] } : 404;
    if (call.endsWith('/agentcards/weather')) return own;
    if (call.endsWith('/agentcards')) return { items: [own] };
    return call.endsWith('/pods') ? { items: [running] } : { items: [] };
  });
  const { status, out } = await run('explain', 'weather');
  expect({ status, versions }).toEqual({ status: 0, versions: asked });
  expect(out).toContain('Sandbox weather');
});

describe('a place that is not there', () => {
  const nowhere = () => onCluster((call) => (/\/(agentcards|namespaces)\/\w+$/.test(call) ? 404 : { items: [] }));

  test('is told in one sentence: a namespace that is absent', async () => {
    const result = await (await nowhere()).run('explain', 'weather', '-n', 'absent');
    expect(result).toMatchObject(oneSentence);
    expect(result.err).toContain('there is no namespace absent');
  });

  test.each([
    ['weather', '--namespace='],
    ['--all', '--namespace='],
    ['weather', '--namespace=..'],
    ['weather', '--namespace=a/b'],
    ['', '--namespace=team'],
    ['..', '--namespace=team'],
  ])('is told in one sentence: explain "%s" %s', async (name, namespace) => {
    expect(await (await nowhere()).run('explain', name, namespace)).toMatchObject(oneSentence);
  });
});

test('a condition that is not ours is told as it stands', () => {
  const foreign = { ...condition('Ready', 'True', 'x'), type: 'Elsewhere', message: 'Theirs.' };
  const text = explanationText({ ...quiet, card: 'team/weather', callers: [], reaches: [], conditions: [foreign] });
  expect(text).toMatch(/Elsewhere True x\n.*Theirs\./);
});
