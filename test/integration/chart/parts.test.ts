import { describe, expect, test } from 'vitest';
import { operatorPodLabels, probePodLabels, probePoolLabel } from '../../../src/operator/api/labels.ts';
import { portsOf } from '../../../src/probe/tally.ts';
import { cleanupOf, environmentOf, installed, isProbe, named, namespace, objectsOf, podOf, render } from './helm.ts';

describe('watching single namespaces', () => {
  const values = ['config.namespaces=["team-a","team-b"]', 'config.trust-bundle-configmap=spire/spire-bundle'];

  test('takes Roles there, where the API server and DNS are, and for the one trust bundle; nothing of the cluster', async () => {
    const objects = installed(objectsOf(await render(...values)));
    expect(objects.filter(({ kind }) => /^Cluster|AdmissionPolicy$|PolicyBinding$/.test(kind)).map(named)).toEqual([]);
    const roles = objects.filter(({ kind, metadata }) => /Role$/.test(kind) && !metadata.name.endsWith('-security'));
    expect(roles.map(named).sort()).toEqual([
      'Role default/demo-agentcard-operator-cluster',
      'Role demo-agentcard-operator',
      'Role kube-system/demo-agentcard-operator-cluster',
      'Role spire/demo-agentcard-operator-bundle',
      'Role team-a/demo-agentcard-operator-agents',
      'Role team-b/demo-agentcard-operator-agents',
    ]);
    const bindings = objects.filter(({ kind }) => /Binding$/.test(kind)).map(named);
    expect(bindings.sort()).toEqual(roles.map((role) => named(role).replace('Role', 'RoleBinding')).sort());
    expect(environmentOf(objects)).toMatchObject({
      AGENTCARD_NAMESPACES: 'team-a,team-b',
      AGENTCARD_DNS_SERVICE: 'kube-system/kube-dns',
    });
  });

  test('is also understood as text, and DNS can be elsewhere', async () => {
    const more = ['config.namespaces=team-a\\, team-b', 'config.dns-service=openshift-dns/dns-default'];
    const objects = installed(objectsOf(await render(...more)));
    const names = objects.filter(({ kind }) => kind === 'Role').map(named);
    expect(names).toContain('Role team-b/demo-agentcard-operator-agents');
    expect(names).toContain('Role openshift-dns/demo-agentcard-operator-cluster');
    expect(names).not.toContain('Role kube-system/demo-agentcard-operator-cluster');
  });

  test('leaves out the guards and the roles of the cluster until somebody asks for them', async () => {
    const asked = 'labelGuard.enabled=true,trustGuard.enabled=true,userRoles.create=true';
    const kinds = objectsOf(await render(...values, asked)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'ClusterRole')).toHaveLength(3);
    expect(kinds.filter((kind) => kind === 'ValidatingAdmissionPolicy').length).toBeGreaterThan(1);
    const refused = objectsOf(await render('labelGuard.enabled=false,trustGuard.enabled=false,userRoles.create=false'));
    expect(refused.map(({ kind }) => kind).filter((kind) => /AdmissionPolicy/.test(kind))).toEqual([]);
  });

  test('limits the clean-up as well', async () => {
    const hooks = cleanupOf(objectsOf(await render(...values)));
    expect(hooks.map(({ kind }) => kind)).not.toContain('ClusterRole');
    expect(podOf(hooks, 'Job').spec.containers[0]?.args).toContain('--namespaces=team-a,team-b');
  });
});

describe('the clean-up before an uninstall', () => {
  test('has an account of its own, which exists only meanwhile, and names the operator', async () => {
    const hooks = cleanupOf(objectsOf(await render()));
    expect(hooks.map(named).sort()).toEqual([
      'ClusterRole demo-agentcard-operator-cleanup',
      'ClusterRoleBinding demo-agentcard-operator-cleanup',
      'Job demo-agentcard-operator-cleanup',
      'Role demo-agentcard-operator-cleanup',
      'RoleBinding demo-agentcard-operator-cleanup',
      'ServiceAccount demo-agentcard-operator-cleanup',
    ]);
    for (const { metadata } of hooks) {
      expect(metadata.annotations?.['helm.sh/hook-delete-policy']).toBe('before-hook-creation,hook-succeeded');
    }
    const { spec, metadata } = podOf(hooks, 'Job');
    expect(spec.serviceAccountName).toBe('demo-agentcard-operator-cleanup');
    expect(spec.containers[0]?.args).toEqual(['cleanup', '--apply', `--operator=${namespace}/demo-agentcard-operator`]);
    // Neither the Deployment nor its budget may count this pod as theirs.
    expect(metadata.labels['app.kubernetes.io/name']).toBe('agentcard-cleanup');
  });

  test('can be left out', async () => {
    expect(cleanupOf(objectsOf(await render('cleanup.enabled=false')))).toEqual([]);
  });
});

describe('watching the operator', () => {
  test('a PodMonitor scrapes the port that the operator then serves', async () => {
    const objects = objectsOf(await render('metrics.podMonitor.enabled=true,metrics.podMonitor.labels.release=prom'));
    const monitor = objects.find(({ kind }) => kind === 'PodMonitor');
    expect(monitor?.metadata.labels).toMatchObject({ release: 'prom' });
    expect(monitor?.spec).toMatchObject({ podMetricsEndpoints: [{ port: 'metrics', interval: '30s' }] });
    expect(podOf(objects).spec.containers[0]?.ports).toContainEqual({ name: 'metrics', containerPort: 8080 });
    expect(environmentOf(objects).AGENTCARD_METRICS_BIND_ADDRESS).toBe(':8080');
  });

  test('rules and dashboard arrive as they are in config/', async () => {
    const objects = objectsOf(await render('metrics.rules.enabled=true,metrics.dashboard.enabled=true'));
    const rules = objects.find(({ kind }) => kind === 'PrometheusRule')?.spec?.groups as {
      rules: { alert: string }[];
    }[];
    expect(rules[0]?.rules.map(({ alert }) => alert)).toContain('AgentCardFleetBrake');
    const map = objects.find(({ kind }) => kind === 'ConfigMap') as { data?: Record<string, string> } | undefined;
    expect(JSON.parse(map?.data?.['agentcard-operator.json'] ?? '')).toMatchObject({ title: 'AgentCards' });
  });

  test('its NetworkPolicy lets in probes and, from where it is said, scrapes', async () => {
    const from = 'networkPolicy.metricsFrom=[{"namespaceSelector":{}}]';
    const objects = objectsOf(await render('networkPolicy.enabled=true,config.metrics-bind-address=:9090', from));
    expect(objects.find(({ kind }) => kind === 'NetworkPolicy')?.spec).toMatchObject({
      policyTypes: ['Ingress'],
      ingress: [
        { ports: [{ protocol: 'TCP', port: 8081 }] },
        { ports: [{ protocol: 'TCP', port: 9090 }], from: [{ namespaceSelector: {} }] },
      ],
    });
  });
});

describe('the pods that probe the network', () => {
  const objects = async (...values: string[]) => objectsOf(await render('networkProbe.enabled=true', ...values));

  test('are left out unless asked for', async () => {
    expect(objectsOf(await render()).filter(isProbe)).toEqual([]);
  });

  test('are a pair for each pool, on its nodes, and each pair has its own address', async () => {
    const pools =
      'networkProbe.pools=[{"name":"cpu"},{"name":"gpu","nodeSelector":{"gpu":"yes"},"tolerations":[{"key":"gpu"}]}]';
    const all = await objects(pools);
    const found = all.filter(isProbe).map(({ metadata, spec }) => [metadata.name, spec?.template?.spec] as const);
    const base = 'probe-demo-agentcard-operator';
    expect(found.map(([name]) => name).sort()).toEqual(
      ['cpu-dialler', 'cpu-listener', 'gpu-dialler', 'gpu-listener'].map((each) => `${base}-${each}`),
    );
    const dialler = found.find(([name]) => name === `${base}-gpu-dialler`)?.[1];
    expect(dialler).toMatchObject({
      automountServiceAccountToken: false,
      nodeSelector: { gpu: 'yes' },
      tolerations: [{ key: 'gpu' }],
      containers: [{ args: ['dial', '$(PROBE_DEMO_AGENTCARD_OPERATOR_GPU_SERVICE_HOST)'] }],
    });
    const services = all.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
    expect(services.sort()).toEqual([`${base}-cpu`, `${base}-gpu`]);
  });

  test('are found by what the operator watches, and are none of its own pods, which policies let in', async () => {
    const templates = (await objects()).filter(isProbe).map(({ spec }) => spec?.template?.metadata.labels ?? {});
    const chosen = (labels: object) =>
      Object.entries(probePodLabels).every(([name, value]) => (labels as Record<string, string>)[name] === value);
    expect(templates.filter(chosen).length).toBe(1);
    for (const labels of templates) {
      expect(labels[probePoolLabel]).toBe('default');
      expect(labels).not.toMatchObject(operatorPodLabels);
    }
  });

  test('agree on one port, and deny one on each side', async () => {
    const policies = (await objects()).filter(({ kind }) => kind === 'NetworkPolicy');
    const portsIn = (side: 'dialler' | 'listener', direction: 'egress' | 'ingress') => {
      const { spec } = policies.find(({ metadata }) => metadata.name.endsWith(`-${side}`)) ?? {};
      const rules = (spec?.[direction] ?? []) as { readonly ports: readonly { readonly port: number }[] }[];
      return rules.flatMap(({ ports }) => ports.map(({ port }) => port));
    };
    const { allowed, deniedIn, deniedOut } = portsOf;
    expect(portsIn('dialler', 'egress')).toEqual([allowed, deniedIn]);
    expect(portsIn('listener', 'ingress')).toEqual([allowed, deniedOut]);
    expect(portsIn('listener', 'egress')).toEqual([]);
  });

  test('keep names that a Service may have, however long the release is called', async () => {
    const all = await objects(
      `fullnameOverride=${'a.long-name-'.repeat(5)}z`,
      'networkProbe.pools=[{"name":"a-pool-of-16-chr"}]',
    );
    const names = all.filter(({ metadata }) => metadata.name.startsWith('probe-')).map(({ metadata }) => metadata.name);
    expect(names.length).toBe(5);
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9-]{0,61}[a-z0-9]$/);
  });
});
