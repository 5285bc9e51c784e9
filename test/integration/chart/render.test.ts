import { describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/operator/settings/config.ts';
import {
  chart,
  cleanupOf,
  environmentOf,
  helm,
  image,
  installed,
  namespace,
  objectsOf,
  podOf,
  render,
  renderOn,
  testOf,
  verified,
} from './helm.ts';

const ruleList = '[{"from":[{"podSelector":{}}]}]';

test('helm lint finds nothing to say', async () => {
  const report = await helm('lint', chart, '--strict', '--quiet', '--set', image);
  expect(report.trim()).not.toMatch(/\[(WARNING|ERROR)\]/);
});

describe('defaults', () => {
  test('install the kind, which uninstall keeps, the role, one Deployment of two replicas that only probes and scrapes reach, and nothing of SPIRE', async () => {
    const objects = installed(objectsOf(await render()));
    const isForPeople = ({ kind, metadata }: { kind: string; metadata: { name: string } }) =>
      /AdmissionPolicy/.test(kind) || /-(viewer|editor|security)$/.test(metadata.name);
    expect(
      objects
        .filter((object) => !isForPeople(object))
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual([
      'ClusterRole',
      'ClusterRoleBinding',
      'CustomResourceDefinition',
      'Deployment',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'Role',
      'RoleBinding',
      'ServiceAccount',
    ]);
    const kind = objects.find((object) => object.kind === 'CustomResourceDefinition');
    expect(kind?.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' });
    expect(podOf(objects).spec.volumes).toBeUndefined();
    expect(environmentOf(objects)).toEqual({
      POD_NAMESPACE: '(downward API)',
      POD_NAME: '(downward API)',
      AGENTCARD_LEADER_ELECT: 'true',
      AGENTCARD_ENFORCEMENT: 'off',
      AGENTCARD_AGENT_TLS_PORT_NAME: 'agent-tls',
    });
  });

  test('the pod is restricted, knows itself by its label and gets no service links', async () => {
    const { metadata, spec } = podOf(objectsOf(await render('podLabels.app\\.kubernetes\\.io/name=else')));
    expect(metadata.labels).toEqual({
      'app.kubernetes.io/name': 'agentcard-operator',
      'app.kubernetes.io/instance': 'demo',
    });
    expect(spec).toMatchObject({
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [
        {
          image: 'localhost/agentcard-operator:0.1.0',
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
  });
});

describe('variants', () => {
  test('an image by its digest is that image, whatever the tag', async () => {
    const digest = `sha256:${'ab'.repeat(32)}`;
    const manifest = await render(`image.digest=${digest},image.tag=1.2.3`);
    const images = [...manifest.matchAll(/image: "(.*)"/g)].map(([, named]) => named);
    expect(images).toEqual(Array(3).fill(`localhost/agentcard-operator@${digest}`));
  });

  test('variables of yours reach every container', async () => {
    const objects = objectsOf(await render('extraEnv=[{"name":"HTTPS_PROXY","value":"http://proxy:3128"}]'));
    expect(environmentOf(objects).HTTPS_PROXY).toBe('http://proxy:3128');
    const others = [podOf(cleanupOf(objects), 'Job').spec, testOf(objects).find(({ kind }) => kind === 'Pod')?.spec];
    for (const spec of others) {
      expect(spec).toMatchObject({
        containers: [{ env: expect.arrayContaining([{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }]) }],
      });
    }
  });

  test.each([
    ['csi', { csi: { driver: 'csi.spiffe.io', readOnly: true } }],
    ['hostPath', { hostPath: { path: '/run/spire/agent-sockets', type: 'DirectoryOrCreate' } }],
  ])('the Workload API comes by %s', async (volume, source) => {
    const objects = objectsOf(await render(verified, `spiffe.volume=${volume}`));
    const { spec } = podOf(objects);
    expect(spec.volumes).toEqual([{ name: 'spiffe-workload-api', ...source }]);
    expect(spec.containers[0]?.volumeMounts).toEqual([
      { name: 'spiffe-workload-api', mountPath: '/spiffe-workload-api', readOnly: true },
    ]);
  });

  test('signatures alone need the Workload API and the trust domain too', async () => {
    const objects = objectsOf(await render('signatureVerification.enabled=true,verifiedFetch.trustDomain=example.org'));
    expect(podOf(objects).spec.volumes).toHaveLength(1);
    expect(environmentOf(objects)).toMatchObject({
      AGENTCARD_ENABLE_VERIFIED_FETCH: 'false',
      AGENTCARD_ENABLE_SIGNATURE_VERIFICATION: 'true',
      AGENTCARD_TRUST_DOMAIN: 'example.org',
    });
  });

  test.each(['config.trust-bundle-configmap=spire/spire-bundle', 'config.trust-bundle-file=/bundle/bundle.pem'])(
    'signatures against a bundle that is given, %s, need no Workload API',
    async (bundle) => {
      const signed = 'signatureVerification.enabled=true,verifiedFetch.trustDomain=example.org';
      const objects = objectsOf(await render(signed, bundle));
      expect(podOf(objects).spec.volumes).toBeUndefined();
      expect(podOf(objects).spec.containers[0]?.volumeMounts).toBeUndefined();
      expect(environmentOf(objects)).not.toHaveProperty('AGENTCARD_SPIFFE_ENDPOINT_SOCKET');
      expect(readConfig([], environmentOf(objects))).toMatchObject({ config: { enableSignatureVerification: true } });
      expect(podOf(objectsOf(await render(verified, signed, bundle))).spec.volumes).toHaveLength(1);
    },
  );

  test('a file with a bundle comes by a volume of yours', async () => {
    const values = [
      'signatureVerification.enabled=true,verifiedFetch.trustDomain=example.org,config.trust-bundle-file=/bundle/ca.pem',
      'extraVolumes=[{"name":"bundle","configMap":{"name":"ca"}}]',
      'extraVolumeMounts=[{"name":"bundle","mountPath":"/bundle","readOnly":true}]',
    ];
    const { spec } = podOf(objectsOf(await render(...values)));
    expect(spec.volumes).toEqual([{ name: 'bundle', configMap: { name: 'ca' } }]);
    expect(spec.containers[0]?.volumeMounts).toEqual([{ name: 'bundle', mountPath: '/bundle', readOnly: true }]);
  });

  test("the socket's folder is where the volume is mounted", async () => {
    const objects = objectsOf(await render(verified, 'verifiedFetch.spiffeEndpointSocket=unix:///a/b/c.sock'));
    expect(podOf(objects).spec.containers[0]?.volumeMounts).toMatchObject([{ mountPath: '/a/b' }]);
  });

  test('a ClusterSPIFFEID covers the pods of this release alone', async () => {
    const objects = objectsOf(await render('spiffe.clusterSPIFFEID.create=true,spiffe.clusterSPIFFEID.className=main'));
    expect(objects.find(({ kind }) => kind === 'ClusterSPIFFEID')?.spec).toEqual({
      className: 'main',
      spiffeIDTemplate: 'spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}',
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
      podSelector: {
        matchLabels: { 'app.kubernetes.io/name': 'agentcard-operator', 'app.kubernetes.io/instance': 'demo' },
      },
    });
  });

  test('a cluster that does not serve ClusterSPIFFEIDs gets none', async () => {
    for (const values of ['spiffe.clusterSPIFFEID.create=true', verified]) {
      const objects = objectsOf(await renderOn([], '--set', values));
      expect(objects.map(({ kind }) => kind)).not.toContain('ClusterSPIFFEID');
    }
  });

  test.each<[string, string[], number]>([
    ['comes with mutual TLS', [verified], 1],
    ['does not come without it', ['signatureVerification.enabled=true,verifiedFetch.trustDomain=example.org'], 0],
    ['does not come where somebody says no', [verified, 'spiffe.clusterSPIFFEID.create=false'], 0],
    ['is left out in single namespaces, as all that is of the cluster', [verified, 'config.namespaces=["team"]'], 0],
  ])('the ClusterSPIFFEID %s', async (_, values, count) => {
    const objects = objectsOf(await render(...values));
    expect(objects.filter(({ kind }) => kind === 'ClusterSPIFFEID')).toHaveLength(count);
  });

  test("the TLS port's name reaches the operator, whatever else is on", async () => {
    const config = readConfig([], environmentOf(objectsOf(await render('verifiedFetch.agentTLSPortName=mtls'))));
    expect(config).toMatchObject({ config: { agentTlsPortName: 'mtls' } });
  });

  test('values that were kept of a release without that name leave it to the operator', async () => {
    const objects = objectsOf(await render('verifiedFetch.agentTLSPortName=null'));
    expect(environmentOf(objects)).not.toHaveProperty('AGENTCARD_AGENT_TLS_PORT_NAME');
  });

  test('the kind can be left to somebody else, the ServiceAccount too', async () => {
    const values = 'crd.install=false,serviceAccount.create=false,serviceAccount.name=mine';
    const objects = installed(objectsOf(await render(values)));
    expect(objects.map(({ kind }) => kind)).not.toContain('CustomResourceDefinition');
    expect(objects.map(({ kind }) => kind)).not.toContain('ServiceAccount');
    expect(podOf(objects).spec.serviceAccountName).toBe('mine');
  });

  test('probes and ports follow the flags', async () => {
    const addresses = 'config.metrics-bind-address=:9090,config.health-probe-bind-address=0';
    const [container] = podOf(objectsOf(await render(addresses))).spec.containers;
    expect(container?.ports).toEqual([{ name: 'metrics', containerPort: 9090 }]);
    expect(container?.livenessProbe).toBeUndefined();
  });

  test('what the chart renders is what the operator reads', async () => {
    const manifest = await render(
      verified,
      'enforcement.mode=enforce',
      'config.fetch-timeout=3s,config.fetch-concurrency=32',
      'config.dns-cidr=["10.0.0.1/32","10.0.0.2/32"]',
      'config.namespaces=[]',
      `config.ingress-allow=${ruleList}`,
    );
    const read = readConfig([], environmentOf(objectsOf(manifest)));
    expect(read).toMatchObject({
      config: {
        enableVerifiedFetch: true,
        trustDomain: 'example.org',
        spiffeEndpointSocket: 'unix:///spiffe-workload-api/spire-agent.sock',
        enforcement: 'enforce',
        fetchTimeout: 3_000,
        fetchConcurrency: 32,
        leaderElect: true,
        dnsCidr: ['10.0.0.1/32', '10.0.0.2/32'],
        namespaces: [],
        ingressAllow: JSON.parse(ruleList),
      },
    });
  });

  test('an unquoted off is off', async () => {
    expect(environmentOf(objectsOf(await render('enforcement.mode=false'))).AGENTCARD_ENFORCEMENT).toBe('off');
  });
});

describe('refusals say what is wrong and where', () => {
  test.each([
    ['foo=1', "at '': additional properties 'foo' not allowed"],
    ['config.fetch-timout=5s', "at '/config': additional properties 'fetch-timout' not allowed"],
    ['config.fetch-timeout=5', "at '/config/fetch-timeout': got number, want string"],
    ['config.fetch-concurrency=many', "at '/config/fetch-concurrency': 'many' does not match pattern"],
    ['config.log-level=loud', "at '/config/log-level': value must be one of 'debug', 'info', 'warn', 'error'"],
    ['enforcement.mode=loud', "at '/enforcement/mode': value must be one of 'off', 'audit', 'enforce'"],
    ['spiffe.volume=nfs', "at '/spiffe/volume': value must be one of 'csi', 'hostPath'"],
    ['verifiedFetch.spiffeEndpointSocket=/run/x', "at '/verifiedFetch/spiffeEndpointSocket'"],
    ['verifiedFetch.agentTLSPortName=sixteen-long-one', "at '/verifiedFetch/agentTLSPortName'"],
    ['verifiedFetch.agentTLSPortName=TLS', "at '/verifiedFetch/agentTLSPortName': 'TLS' does not match pattern"],
    ['config.agent-tls-port-name=tls', 'config.agent-tls-port-name: set verifiedFetch.agentTLSPortName instead'],
    ['spiffe.clusterSPIFFEID.create=maybe', "at '/spiffe/clusterSPIFFEID/create': value must be one of"],
    ['config.enforcement=audit', 'config.enforcement: set enforcement.mode instead'],
    ['enforcement.mode=enforce', 'enforcement.mode=enforce needs a way to verify agents'],
    ['verifiedFetch.enabled=true', "verifiedFetch.trustDomain is empty: set it to your SPIRE server's trust domain"],
    ['enabled=false', 'enabled=false is for a chart that depends on this one'],
    ['image.digest=sha256:12', "at '/image/digest'"],
    ['podSecurityContext.runAsUser=0', "at '/podSecurityContext/runAsUser'"],
    [
      'extraEnv=[{"name":"AGENTCARD_CARD_PATHS","value":"/x"}]',
      'AGENTCARD_CARD_PATHS is a flag: set config.card-paths',
    ],
    ['image.repository=', 'image.repository: name the image'],
    ['config.namespaces=team,spiffe.clusterSPIFFEID.create=true', 'config.namespaces asks for Roles alone'],
    ['metrics.podMonitor.enabled=true,config.metrics-bind-address=0', 'metrics.podMonitor.enabled needs metrics'],
    ['config.max-distrust=200', "at '/config/max-distrust'"],
    ['config.fetch-concurrency=0', "at '/config/fetch-concurrency'"],
    ['config.metrics-bind-address=8080', 'config.metrics-bind-address: write ":8080" for port 8080, or 0 for nowhere'],
    ['config.require=foo', "at '/config/require'"],
    ['config.require=["mtls","foo"]', "at '/config/require/1'"],
    ['config.signature-forms=foo', "at '/config/signature-forms'"],
    ['config.namespaces=Team_A', "at '/config/namespaces'"],
    ['config.namespaces=["team-a","Team_A"]', "at '/config/namespaces/1'"],
    ['config.card-paths=foo', "at '/config/card-paths'"],
    ['config.floor-allowed-ids=foo', "at '/config/floor-allowed-ids'"],
    ['config.ingress-allow=foo', "at '/config/ingress-allow'"],
    ['config.dns-service=', "at '/config/dns-service'"],
    ['config.dns-service=[]', "at '/config/dns-service'"],
    ['config.dns-service=["foo"]', "at '/config/dns-service/0'"],
    ['config.dns-cidr=999.1.1.1/32', "at '/config/dns-cidr'"],
    ['config.dns-cidr=10.0.0.0/33', "at '/config/dns-cidr'"],
    ['config.dns-cidr=foo', "at '/config/dns-cidr'"],
    ['config.dns-cidr[0]=foo', "at '/config/dns-cidr/0'"],
    ['verifiedFetch.trustDomain=spiffe://example.org', "at '/verifiedFetch/trustDomain'"],
    ['verifiedFetch.trustDomain=Example.org', "at '/verifiedFetch/trustDomain'"],
    ['metrics.podMonitor.interval=soon', "at '/metrics/podMonitor/interval'"],
    ['fullnameOverride=Foo_Bar', "at '/fullnameOverride'"],
    ['serviceAccount.name=Foo_', "at '/serviceAccount/name'"],
    ['spiffe.csiDriver=Foo_', "at '/spiffe/csiDriver'"],
    ['image.tag=a:b', "at '/image/tag'"],
    ['image.repository=a b', "at '/image/repository'"],
    ['config.evidence-ttl=0s', "at '/config/evidence-ttl'"],
    ['metrics.podMonitor.interval=0s', "at '/metrics/podMonitor/interval'"],
    ['config.spiffe-id-template=spiffe://{{ .Nope }}/x', "at '/config/spiffe-id-template'"],
    [
      'config.require=signature',
      'config.require names signature, which is off: set signatureVerification.enabled=true',
    ],
    ['config.require=["mtls"]', 'config.require names mtls, which is off: set verifiedFetch.enabled=true'],
    ['config.trust-bundle-file=/a,config.trust-bundle-configmap=a/b', 'set one of both'],
    ['config.floor-allowed-ids=spiffe://example.org/x', 'counts under config.strict-binding=floor alone'],
    ['config.profiling=true', 'config.profiling needs metrics'],
    ['injection.resources.limit.memory=1Mi', "at '/injection/resources'"],
    ['networkProbe.resources.request.memory=1Mi', "at '/networkProbe/resources'"],
    ['resources.limits.memory=1MiB', "at '/resources/limits/memory'"],
    ['tolerations=[{"keys":"a"}]', "at '/tolerations/0'"],
    ['extraEnv=[{"name":"A","vaule":"b"}]', "at '/extraEnv/0'"],
    ['affinity.nodeAfinity.x=1', "at '/affinity'"],
    ['podLabels.a=true', "at '/podLabels/a'"],
  ])('--set %s is refused', async (value, words) => {
    await expect(render(value)).rejects.toThrow(words);
  });
});
