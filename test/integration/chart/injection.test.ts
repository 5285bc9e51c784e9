import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Pod, Service } from '../../../src/kube/objects.ts';
import { type ApiServer, startApiServer } from '../../cluster/api-server.ts';
import { run } from '../../cluster/command.ts';
import { ensureTools } from '../../cluster/tools.ts';
import { until } from '../../cluster/until.ts';
import { renderOn, verified } from './helm.ts';

const mutating = 'admissionregistration.k8s.io/v1/MutatingAdmissionPolicy';
const on = ['--set', `${verified},injection.enabled=true`, '--set', 'injection.image=localhost/envoy:1'];
const only = ['--show-only', 'templates/injection.yaml'];
const label = { 'agent.kagenti.dev/inject': 'envoy' };

interface InjectedPod extends Omit<Pod, 'spec'> {
  readonly spec: {
    readonly containers: readonly object[];
    readonly initContainers?: readonly (Readonly<Record<string, unknown>> & { readonly args?: readonly string[] })[];
    readonly volumes?: readonly Readonly<Record<string, unknown>>[];
  };
}

test('nothing of it is there unless it is asked for', async () => {
  await expect(renderOn([mutating], ...only)).rejects.toThrow('could not find template');
});

test.each([
  ['where it cannot work', [], [], 'Kubernetes 1.36 or newer'],
  ['without an image', [mutating], ['--set', 'injection.image='], 'needs injection.image'],
  [
    'without a trust domain',
    [mutating],
    ['--set', 'verifiedFetch.enabled=false,verifiedFetch.trustDomain='],
    'trustDomain',
  ],
])('%s it is refused with what is missing', async (_, kinds, values, words) => {
  await expect(renderOn(kinds, ...on, ...values, ...only)).rejects.toThrow(words);
});

describe('on an API server', () => {
  let server: ApiServer;
  let kubectl: (args: readonly string[], stdin?: string) => Promise<string>;

  beforeAll(async () => {
    const tools = await ensureTools(['kubectl', 'helm']);
    server = await startApiServer();
    kubectl = (args, stdin) =>
      run(tools.kubectl, ['--kubeconfig', server.kubeconfig, ...args], stdin === undefined ? {} : { stdin });
    await kubectl(['apply', '--server-side', '-f', '-'], await renderOn([mutating], ...on, ...only));
    await kubectl(['create', 'namespace', 'strict']);
    const level = 'pod-security.kubernetes.io/enforce=restricted';
    await kubectl(['label', 'namespace', 'strict', level]);
    for (const name of ['default', 'strict'])
      await kubectl(['-n', name, 'create', 'serviceaccount', 'default']).catch(() => '');
    await until({ what: 'the policies to be heard', timeoutMs: 60_000 }, async () => {
      const { spec } = await created<InjectedPod>(pod());
      const refused = await created(pod({}, { ...label, 'agent.kagenti.dev/inject': 'other' })).then(
        () => false,
        () => true,
      );
      return (
        (spec.initContainers !== undefined &&
          refused &&
          (await created<Service>(service())).spec?.ports?.length === 2) ||
        undefined
      );
    });
  });
  afterAll(() => server?.stop());

  /** As the API server would store it. */
  async function created<T>(object: object, namespace = 'default'): Promise<T> {
    const args = ['-n', namespace, 'create', '--dry-run=server', '-o', 'json', '-f', '-'];
    return JSON.parse(await kubectl(args, JSON.stringify(object))) as T;
  }

  const hardened = {
    runAsNonRoot: true,
    runAsUser: 1000,
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  };

  function pod(spec: object = {}, labels: object = label, annotations: object = {}): object {
    const agent = { name: 'agent', image: 'agent', ports: [{ containerPort: 8000 }], securityContext: hardened };
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'plain', labels, annotations },
      spec: { containers: [agent], ...spec },
    };
  }

  function service(spec: object = {}, labels: object = label): object {
    const own = { selector: { app: 'plain' }, ports: [{ port: 80, targetPort: 8000 }], ...spec };
    return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'plain', labels }, spec: own };
  }

  test('a pod with the label gets an Envoy that starts first, serves the SVID and asks for one', async () => {
    const { spec } = await created<InjectedPod>(pod());
    const [envoy] = spec.initContainers ?? [];
    expect(spec.containers).toHaveLength(1);
    expect(envoy).toMatchObject({
      name: 'agentcard-envoy',
      image: 'localhost/envoy:1',
      restartPolicy: 'Always',
      ports: [{ name: 'agent-tls', containerPort: 8443 }],
      readinessProbe: { tcpSocket: { port: 8443 } },
      resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
      securityContext: {
        runAsUser: 65532,
        runAsNonRoot: true,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
      },
    });
    expect(spec.volumes).toContainEqual({ name: 'agentcard-spiffe', csi: { driver: 'csi.spiffe.io', readOnly: true } });
    const config = parse(envoy?.args?.[1] ?? '');
    const [listener] = config.static_resources.listeners;
    expect(listener.address.socket_address.port_value).toBe(8443);
    const { typed_config: tls } = listener.filter_chains[0].transport_socket;
    expect(tls.require_client_certificate).toBe(true);
    const { default_validation_context: callers } = tls.common_tls_context.combined_validation_context;
    expect(callers.match_typed_subject_alt_names).toEqual([
      { san_type: 'URI', matcher: { prefix: 'spiffe://example.org/' } },
    ]);
    const [agent, spire] = config.static_resources.clusters;
    expect(JSON.stringify(agent)).toContain('"address":"127.0.0.1","port_value":8000');
    expect(JSON.stringify(spire)).toContain('"/spiffe-workload-api/spire-agent.sock"');
  });

  test('it goes before the init containers and beside the volumes that are there, and to the port that is named', async () => {
    const own = { initContainers: [{ name: 'migrate', image: 'm' }], volumes: [{ name: 'own', emptyDir: {} }] };
    const { spec } = await created<InjectedPod>(pod(own, label, { 'agent.kagenti.dev/port': '9000' }));
    expect(spec.initContainers?.map(({ name }) => name)).toEqual(['agentcard-envoy', 'migrate']);
    expect(spec.volumes?.map(({ name }) => name).slice(0, 2)).toEqual(['own', 'agentcard-spiffe']);
    expect(spec.initContainers?.[0]?.args?.[1]).toContain('"address":"127.0.0.1","port_value":9000');
  });

  test('restricted Pod Security admits it with the CSI driver', async () => {
    expect((await created<InjectedPod>(pod(), 'strict')).spec.initContainers).toHaveLength(1);
  });

  test('a pod without the label, and one that has the proxy, stay as they are', async () => {
    expect((await created<InjectedPod>(pod({}, {}))).spec.initContainers).toBeUndefined();
    const once = await created<InjectedPod>(pod());
    const { metadata, ...rest } = once;
    const again = await created<InjectedPod>({ ...rest, metadata: { name: 'copy', labels: metadata.labels } });
    expect(again.spec.initContainers).toEqual(once.spec.initContainers);
  });

  test.each<[string, object, string]>([
    ['asks for another proxy', pod({}, { 'agent.kagenti.dev/inject': 'nginx' }), 'envoy is the only proxy'],
    ['is on the host’s network', pod({ hostNetwork: true }), "a pod on the host's network"],
    [
      'takes the port itself',
      pod({ containers: [{ name: 'tls', image: 'a', ports: [{ containerPort: 8443 }] }] }),
      'container tls takes port 8443',
    ],
    [
      'names no port',
      pod({}, label, { 'agent.kagenti.dev/port': '80"}' }),
      'must be the port on which the agent listens',
    ],
    [
      'names a port that is none',
      pod({}, label, { 'agent.kagenti.dev/port': '65536' }),
      'must be the port on which the agent listens',
    ],
    [
      'names the port of the proxy',
      pod({}, label, { 'agent.kagenti.dev/port': '8443' }),
      'not 8443, which the proxy takes',
    ],
    [
      'has no SPIFFE volume under that name',
      pod({ volumes: [{ name: 'agentcard-spiffe', emptyDir: {} }] }),
      'by CSI or hostPath',
    ],
    ['has another port of that number', service({ ports: [{ name: 'x', port: 8443 }] }), 'rename that port'],
    [
      'leads out of the cluster',
      service({ type: 'ExternalName', externalName: 'example.org', ports: [] }),
      'take the label off',
    ],
  ])('what %s is refused in words', async (_, object, words) => {
    await expect(created(object)).rejects.toThrow(words);
  });

  test.each([
    ['an unnamed port', { ports: [{ port: 80, targetPort: 8000 }] }, ['http 80', 'agent-tls 8443']],
    [
      'named ports',
      {
        ports: [
          { name: 'web', port: 80 },
          { name: 'ops', port: 81 },
        ],
      },
      ['web 80', 'ops 81', 'agent-tls 8443'],
    ],
    ['no port', { clusterIP: 'None', ports: undefined }, ['agent-tls 8443']],
    ['a port of the name', { ports: [{ name: 'agent-tls', port: 443, targetPort: 8443 }] }, ['agent-tls 443']],
  ])('a Service with %s and the label has the port of that name', async (_, spec, ports) => {
    const { spec: stored } = await created<Service>(service(spec));
    expect(stored?.ports?.map(({ name, port }) => `${name} ${port}`)).toEqual(ports);
  });

  test('a Service that gets the label gets the port, and one that loses it may lose the port', async () => {
    const path = ['-n', 'default', 'create', '-f', '-'];
    await kubectl(path, JSON.stringify({ ...service({}, {}), metadata: { name: 'turning' } }));
    const turn = async (patch: object) => {
      const args = ['patch', 'service', 'turning', '--type=merge', '-o', 'json', '--patch', JSON.stringify(patch)];
      return (JSON.parse(await kubectl(args)) as Service).spec?.ports?.map(({ name }) => name);
    };
    expect(await turn({ metadata: { labels: label } })).toEqual(['http', 'agent-tls']);
    expect(await turn({ metadata: { labels: null }, spec: { ports: [{ port: 80 }] } })).toEqual([undefined]);
    expect(await turn({ metadata: { labels: { other: 'x' } } })).toEqual([undefined]);
  });

  test('a Service without the label stays as it is', async () => {
    expect((await created<Service>(service({}, {}))).spec?.ports).toHaveLength(1);
  });
});
