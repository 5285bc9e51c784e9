import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import {
  chart,
  cleanupOf,
  helm,
  image,
  isProbe,
  namespace,
  objectsOf,
  placed,
  podOf,
  render,
  verified,
} from './helm.ts';

let server: ApiServer;
let folder: string;
let kubectl: (...args: string[]) => Promise<string>;

beforeAll(async () => {
  const tools = await ensureTools(['kubectl', 'helm', 'spire-crds', 'prometheus-crds']);
  server = await startApiServer();
  folder = await mkdtemp(join(tmpdir(), 'chart-'));
  kubectl = (...args) => run(tools.kubectl, ['--kubeconfig', server.kubeconfig, ...args]);
  await kubectl('apply', '--server-side', '--filename', tools['spire-crds']);
  for (const kind of ['podmonitors', 'prometheusrules']) {
    const file = join(tools['prometheus-crds'], `monitoring.coreos.com_${kind}.yaml`);
    await kubectl('apply', '--server-side', '--filename', file);
    await kubectl('wait', '--for=condition=Established', '--timeout=60s', `crd/${kind}.monitoring.coreos.com`);
  }
  await kubectl('create', 'namespace', namespace);
  await kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted');
  // Making the kinds of others takes a minute, once.
}, 900_000);
afterAll(async () => {
  await server?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

async function dryRun(manifest: string): Promise<string> {
  const file = join(folder, 'manifest.yaml');
  await writeFile(file, placed(manifest));
  return kubectl('apply', '--server-side', '--dry-run=server', '--filename', file);
}

/** The pod that the Deployment or the clean-up's Job would make: what Pod Security judges. */
function podManifest(manifest: string, of: 'operator' | 'cleanup' = 'operator'): string {
  const objects = objectsOf(manifest);
  const { metadata, spec } = of === 'operator' ? podOf(objects) : podOf(cleanupOf(objects), 'Job');
  return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'probe' }, spec });
}

describe('an API server takes', () => {
  test.each([
    ['the defaults', []],
    ['verified fetch by csi', [verified, 'spiffe.clusterSPIFFEID.create=true', 'enforcement.mode=enforce']],
    ['verified fetch by hostPath', [verified, 'spiffe.volume=hostPath', 'enforcement.mode=audit']],
    [
      'every optional part',
      [
        verified,
        'priorityClassName=system-cluster-critical,nodeSelector.disk=fast,config.metrics-bind-address=:8080',
        'tolerations=[{"operator":"Exists"}]',
        'networkProbe.enabled=true',
        'imagePullSecrets=[{"name":"registry"}]',
        'podAnnotations.team=platform,podLabels.team=platform,serviceAccount.annotations.team=platform',
        'affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution=[]',
        'metrics.dashboard.enabled=true,metrics.podMonitor.enabled=true,metrics.rules.enabled=true',
        'networkPolicy.enabled=true',
        'networkPolicy.metricsFrom=[{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"monitoring"}}}]',
      ],
    ],
    [
      'single namespaces',
      [verified, 'config.namespaces=default', 'config.trust-bundle-configmap=default/spire-bundle'],
    ],
  ])('%s', async (_what, values) => {
    const manifest = await render(...values);
    const report = await dryRun(manifest);
    expect(report.match(/serverside-applied/g)).toHaveLength(objectsOf(manifest).length);
  });
});

test('the kinds of the Prometheus operator are asked: what they do not know is refused', async () => {
  const manifest = await render('metrics.podMonitor.enabled=true,metrics.rules.enabled=true');
  const spoilt = (from: string, to: string) => {
    expect(manifest).toContain(from);
    return dryRun(manifest.replace(from, to));
  };
  await expect(spoilt('podMetricsEndpoints:', 'podMetricEndpoints:')).rejects.toThrow('podMetricEndpoints');
  await expect(spoilt('interval: 30s', 'interval: soon')).rejects.toThrow('interval');
  await expect(spoilt('expr:', 'expression:')).rejects.toThrow('expression');
});

describe('the notes of an installation', () => {
  const notes = async (...values: string[]) => {
    const set = [image, ...values].flatMap((value) => ['--set', value]);
    const where = ['--namespace', namespace, '--kubeconfig', server.kubeconfig, '--dry-run=server'];
    const said = await helm('install', 'demo', chart, ...where, ...set);
    return said.slice(said.indexOf('\nNOTES:'));
  };

  test('say what is verified and what to do next', async () => {
    expect(await notes()).toContain('--set verifiedFetch.enabled=true --set verifiedFetch.trustDomain=<domain>');
    const said = await notes(verified, 'enforcement.mode=audit');
    expect(said).toContain('Agents of trust domain example.org are verified over mutual TLS');
    expect(said).not.toContain('NetworkPolicies are left alone');
    expect(said).toContain('--set networkProbe.enabled=true');
    expect(await notes(verified, 'networkProbe.enabled=true,enforcement.mode=audit')).not.toContain('networkProbe');
    expect(said).not.toContain('were left out');
  });

  test("warn where mutual TLS is on and nothing was created that gives the operator's pods an SVID", async () => {
    const warning = 'WARNING: no ClusterSPIFFEID was created';
    expect(await notes(verified)).not.toContain(warning);
    expect(await notes()).not.toContain(warning);
    const refused = await notes(verified, 'spiffe.clusterSPIFFEID.create=false');
    expect(refused).toContain(`${warning}.`);
    expect(refused).toContain(`demo-agentcard-operator of namespace ${namespace}`);
    expect(await notes(verified, 'config.namespaces={a,b}')).toContain(`${warning}.`);
  });

  test('of signatures alone say who has to sign, and by which bundle that is judged', async () => {
    const signed = 'signatureVerification.enabled=true,verifiedFetch.trustDomain=example.org';
    const said = await notes(signed);
    expect(said).toContain('Agents of trust domain example.org are verified by the signatures of their cards');
    expect(said).toContain('the bundle that the Workload API delivers');
    expect(said).not.toContain('nothing is said about trust');
    expect(said).not.toContain('has a port named');
    expect(await notes(signed, 'config.trust-bundle-configmap=spire/ca')).toContain('the bundle in ConfigMap spire/ca');
    expect(await notes(signed, verified)).toContain('over mutual TLS, and by the signatures of their cards');
  });

  test('name the port behind which agents answer', async () => {
    expect(await notes(verified, 'verifiedFetch.agentTLSPortName=mtls')).toContain('has a port named mtls, behind');
  });

  test('of single namespaces say what was left out, what that means, and how to get it', async () => {
    const single = 'config.namespaces={a,b}';
    const said = await notes(single);
    expect(said).toContain('can put the verified label on');
    expect(said).toContain('--set labelGuard.enabled=true --set trustGuard.enabled=true --set userRoles.create=true');
    const decided = 'labelGuard.enabled=true,trustGuard.enabled=true,userRoles.create=false';
    expect(await notes(single, decided)).not.toContain('were left out');
  });
});

describe('the notes of an installation beside a mesh', () => {
  const notes = async () => {
    const where = ['--namespace', namespace, '--kubeconfig', server.kubeconfig, '--dry-run=server'];
    const said = await helm('install', 'demo', chart, ...where, '--set', image);
    return said.slice(said.indexOf('\nNOTES:'));
  };

  const meshes = {
    Istio: ['authorizationpolicies.security.istio.io', 'v1', 'traffic.sidecar.istio.io/excludeInboundPorts: "8443"'],
    Linkerd: ['serviceprofiles.linkerd.io', 'v1alpha2', 'config.linkerd.io/skip-inbound-ports: "8443"'],
  } as const;

  async function served(mesh: keyof typeof meshes): Promise<void> {
    const [name, version] = meshes[mesh];
    const [plural = '', ...group] = name.split('.');
    const kind = `Kind${mesh}`;
    const schema = { openAPIV3Schema: { type: 'object' } };
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
      spec: {
        group: group.join('.'),
        scope: 'Namespaced',
        names: { kind, plural, singular: plural.slice(0, -1) },
        versions: [{ name: version, served: true, storage: true, schema }],
      },
    };
    const file = join(folder, 'mesh.json');
    await writeFile(file, JSON.stringify(definition));
    await kubectl('apply', '--filename', file);
    await kubectl('wait', '--for=condition=Established', '--timeout=60s', `crd/${name}`);
  }

  // Kinds are made once each: one that came again right after it went was once not gone again within two minutes.
  test('say what mends it for Istio alone, for Linkerd alone and for both, and that nobody tried', async () => {
    expect(await notes()).not.toContain('mesh');
    await served('Istio');
    await tells('Istio', ['Istio']);
    await served('Linkerd');
    await tells('Istio and Linkerd', ['Istio', 'Linkerd']);
    await kubectl('delete', '--wait', 'crd', meshes.Istio[0]);
    await tells('Linkerd', ['Linkerd']);
  });

  async function tells(names: string, there: readonly (keyof typeof meshes)[]): Promise<void> {
    const said = await notes();
    expect(said).toContain(`serves the kinds of ${names}. A mesh's proxy`);
    expect(said).toContain('untested with a real mesh');
    const mended = Object.values(meshes).filter(([, , mends]) => said.includes(mends));
    expect(mended).toEqual(there.map((mesh) => meshes[mesh]));
  }
});

describe('restricted Pod Security', () => {
  test.each([
    ['the defaults', []],
    ['the csi volume', [verified]],
  ])('admits the pod with %s', async (_what, values) => {
    expect(await dryRun(podManifest(await render(...values)))).toContain('pod/probe');
  });

  test('admits the pod of the clean-up', async () => {
    expect(await dryRun(podManifest(await render(), 'cleanup'))).toContain('pod/probe');
  });

  test('admits the pods that probe the network', async () => {
    const probes = objectsOf(await render('networkProbe.enabled=true')).filter(isProbe);
    expect(probes.length).toBe(2);
    for (const probe of probes) {
      const { metadata, spec } = podOf([probe]);
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'probe' }, spec };
      expect(await dryRun(JSON.stringify(pod))).toContain('pod/probe');
    }
  });

  test('refuses the hostPath volume, as the notes say', async () => {
    await expect(dryRun(podManifest(await render(verified, 'spiffe.volume=hostPath')))).rejects.toThrow(
      'violates PodSecurity "restricted',
    );
  });
});
