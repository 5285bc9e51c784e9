import { Agent, type AgentOptions, someProcessor } from './agent.ts';
import { operatorImage } from './images.ts';

const unsigned = {
  name: 'signed',
  description: 'An agent whose card is signed.',
  version: '1.0.0',
  supportedInterfaces: [{ url: 'http://signed.test/', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  capabilities: { streaming: true },
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [{ id: 'sign', name: 'Sign', description: 'Signs.', tags: ['test'] }],
  'x-unknown': { kept: ['as', 'it', 'is'] },
};

/** An agent beside a signer: an init container that signs once, or a sidecar that signs again on rotation. */
export class SignedAgent extends Agent {
  override manifests(
    options: AgentOptions & { readonly sidecar?: boolean; readonly configMap?: boolean },
  ): readonly object[] {
    const { serviceAccount = this.name } = options;
    const home = { name: serviceAccount, namespace: this.namespace };
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create', 'patch'] }];
    const role = { name: `${this.name}-signer`, namespace: this.namespace };
    const rbac = 'rbac.authorization.k8s.io';
    return [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: home },
      { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: role, rules },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: role,
        roleRef: { apiGroup: rbac, kind: 'Role', name: role.name },
        subjects: [{ kind: 'ServiceAccount', ...home }],
      },
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { ...home, name: `${this.name}-unsigned` },
        data: { 'agent.json': JSON.stringify(unsigned) },
      },
      this.agentCard(options),
      this.signedDeployment(options, serviceAccount),
      this.service(options.tls ?? false),
    ];
  }

  private signedDeployment(
    options: AgentOptions & { sidecar?: boolean; configMap?: boolean },
    account: string,
  ): object {
    const base = this.deployment(options, account) as { spec: { template: { spec: Record<string, unknown> } } };
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    const mounts = [
      { name: 'spiffe', mountPath: '/spiffe', readOnly: true },
      { name: 'unsigned', mountPath: '/etc/agentcard', readOnly: true },
      { name: 'signed', mountPath: '/app/.well-known' },
    ];
    const signer = {
      name: 'signer',
      image: operatorImage,
      imagePullPolicy: 'Never',
      resources: someProcessor,
      command: ['node', '/app/agentcard-signer.mjs', ...(options.sidecar ? ['--sidecar'] : [])],
      ...(options.sidecar ? { restartPolicy: 'Always' } : {}),
      env: [
        { name: 'SPIFFE_ENDPOINT_SOCKET', value: 'unix:///spiffe/spire-agent.sock' },
        { name: 'AGENT_CARD_PATH', value: '/app/.well-known/agent-card.json' },
        ...(options.configMap ? [{ name: 'AGENT_NAME', value: this.name }] : []),
        field('POD_NAMESPACE', 'metadata.namespace'),
        field('POD_NAME', 'metadata.name'),
        field('POD_UID', 'metadata.uid'),
      ],
      volumeMounts: mounts,
    };
    const agent = {
      name: 'agent',
      image: operatorImage,
      imagePullPolicy: 'Never',
      resources: someProcessor,
      command: ['node', '/app/test-tls-agent.mjs'],
      env: [
        { name: 'SPIFFE_ENDPOINT_SOCKET', value: 'unix:///spiffe/spire-agent.sock' },
        { name: 'AGENT_CARD_PATH', value: '/app/.well-known/agent-card.json' },
      ],
      readinessProbe: { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 1 },
      volumeMounts: mounts,
    };
    const volumes = [
      { name: 'spiffe', hostPath: { path: options.socketFolder ?? '/run/spire/agent-sockets' } },
      { name: 'unsigned', configMap: { name: `${this.name}-unsigned` } },
      { name: 'signed', emptyDir: {} },
    ];
    const spec = { ...base.spec.template.spec, initContainers: [signer], containers: [agent], volumes };
    return { ...base, spec: { ...base.spec, template: { ...base.spec.template, spec } } };
  }

  /** Changes the served card behind the signature's back. */
  async tamper(from: string, to: string): Promise<void> {
    const path = '/app/.well-known/agent-card.json';
    const script = `const fs = require('node:fs'); const text = fs.readFileSync('${path}', 'utf8');
      if (!text.includes(${JSON.stringify(from)})) throw new Error('nothing to change');
      fs.writeFileSync('${path}', text.replace(${JSON.stringify(from)}, ${JSON.stringify(to)}));`;
    for (const pod of await this.pods()) {
      await this.world.kubectl(
        '-n',
        this.namespace,
        'exec',
        pod.metadata.name,
        '-c',
        'agent',
        '--',
        'node',
        '-e',
        script,
      );
    }
    await this.refresh();
  }
}
