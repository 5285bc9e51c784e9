import { describe, expect, test } from 'vitest';
import { cleanupOf, environmentOf, installed, named, namespace, objectsOf, podOf, render } from './helm.ts';

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
