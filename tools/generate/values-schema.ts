import * as z from 'zod';
import { goDuration } from '../../src/operator/api/time.ts';
import { flags } from '../../src/operator/settings/flag-table.ts';
import type { Flag } from '../../src/operator/settings/flags.ts';

type Schema = Readonly<Record<string, unknown>>;

const text = (description: string, more: Schema = {}): Schema => ({ type: 'string', description, ...more });
const truth = (description: string): Schema => ({ type: 'boolean', description });
/** Of the whole cluster: auto leaves it out where the operator watches single namespaces. */
const auto = (description: string): Schema => ({ enum: [true, false, 'auto'], description });
const open = (description: string): Schema => ({ type: 'object', description });
/** Labels and annotations: the API server takes texts alone. */
const texts = (description: string): Schema => ({ ...open(description), additionalProperties: { type: 'string' } });
/** A group of Kubernetes' own, which may be missing whole. */
const some = (description: string, words: Readonly<Record<string, string>>, more: Schema = {}): Schema => ({
  ...closed(
    Object.fromEntries(Object.entries(words).map(([name, said]) => [name, { ...open(said), ...more }])),
    description,
  ),
  default: {},
});
const quantity = {
  type: ['string', 'number'],
  minimum: 0,
  pattern: '^[0-9]*\\.?[0-9]+([numkMGTPE]|[KMGTPE]i|[eE][0-9]+)?$',
};
const resources = (description: string): Schema =>
  some(
    description,
    { requests: 'What is kept free for it.', limits: 'What it gets at most.' },
    { additionalProperties: quantity },
  );
/** References to images and classes: without spaces. */
const word = (description: string): Schema => text(description, { pattern: '^\\S*$' });
/** All of zero is no duration. */
const duration: Schema = { pattern: goDuration.source, allOf: [{ pattern: '[1-9]' }] };
const port = (description: string): Schema => ({ type: 'integer', minimum: 1, maximum: 65535, description });
/** Of objects: labels of DNS, joined by dots. */
const label = '[a-z0-9]([a-z0-9-]*[a-z0-9])?';
const name = (description: string, more: Schema = {}): Schema =>
  text(description, { pattern: `^(${label}(\\.${label})*)?$`, ...more });
const list = (description: string, items: Schema = { type: 'object' }): Schema => ({
  type: 'array',
  items,
  description,
});
/** Numbers have the bound, texts the pattern. */
const account = (of: string): Schema => ({
  type: ['integer', 'string', 'null'],
  minimum: 1,
  pattern: '^auto$',
  description: `${of} of the pods.`,
});
const closed = (properties: Readonly<Record<string, Schema>>, description = ''): Schema => ({
  type: 'object',
  ...(description === '' ? {} : { description }),
  additionalProperties: false,
  properties,
});

const listOf = (description: string, ...names: readonly string[]): Schema =>
  list(description, closed(Object.fromEntries(names.map((name) => [name, {}]))));
const tolerations = (description: string): Schema =>
  listOf(description, 'key', 'operator', 'value', 'effect', 'tolerationSeconds');

/** The chart's values.schema.json. `config` has every flag by its name; the rest mirrors values.yaml. */
export function valuesSchema(): string {
  return `${JSON.stringify(wholeSchema(), null, 2)}\n`;
}

/** Paths of what no values may lack, each after the group that it is in: the groups, and what has no meaning when it is empty. */
export function neededValues(): string[] {
  const below = (schema: Schema, path: string): string[] =>
    Object.entries((schema.properties ?? {}) as Readonly<Record<string, Schema>>).flatMap(([name, each]) => {
      const own = `${path}${name}`;
      const isGroup = each.additionalProperties === false && each.default === undefined;
      const needed = isGroup || each.type === 'boolean' || each.enum !== undefined;
      return needed ? [own, ...(own === 'config' ? [] : below(each, `${own}.`))] : [];
    });
  return below(wholeSchema(), '');
}

function wholeSchema(): Schema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the agentcard-operator chart',
    ...closed({
      global: open('Unused; helm passes it to subcharts.'),
      ...podValues,
      ...ownValues,
      config: configValues(),
    }),
  };
}

const ownValues: Readonly<Record<string, Schema>> = {
  verifiedFetch: closed({
    enabled: truth(flags.enableVerifiedFetch.doc),
    trustDomain: { ...flagSchema(flags.trustDomain), description: flags.trustDomain.doc },
    agentTLSPortName: { ...flagSchema(flags.agentTlsPortName), description: flags.agentTlsPortName.doc },
    spiffeEndpointSocket: text(flags.spiffeEndpointSocket.doc, { pattern: '^unix:///[^/]+/' }),
  }),
  signatureVerification: closed({ enabled: truth(flags.enableSignatureVerification.doc) }),
  spiffe: closed({
    volume: text("How the Workload API's socket gets into the pod.", { enum: ['csi', 'hostPath'] }),
    csiDriver: text('Name of the SPIFFE CSI driver.', { pattern: '^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$' }),
    hostPath: text("The folder on the node that holds the SPIRE agent's socket.", { pattern: '^/.' }),
    clusterSPIFFEID: closed({
      create: auto(
        'Create a ClusterSPIFFEID, from which SPIRE gives the operator its own SVID, where its kind is served.',
      ),
      className: word('Class of the spire-controller-manager that should act on it.'),
      federatesWith: {
        type: 'array',
        items: { type: 'string' },
        description: 'Trust domains whose bundles the operator gets besides its own.',
      },
    }),
  }),
  enforcement: closed({ mode: { ...flagSchema(flags.enforcement), description: flags.enforcement.doc } }),
  metrics: closed({
    podMonitor: closed({
      enabled: truth('Create a PodMonitor of the Prometheus operator, and serve metrics.'),
      labels: texts('Labels by which your Prometheus chooses it.'),
      interval: text('Between two scrapes.', duration),
    }),
    rules: closed({
      enabled: truth('Create a PrometheusRule with alerts.'),
      labels: texts('Labels by which your Prometheus chooses it.'),
      docsUrl: text(
        'Where your people read the pages of this project, ending with a slash: the alerts name sections of docs/ there.',
        { pattern: '^$|/$' },
      ),
    }),
    dashboard: closed({
      enabled: truth('Create a ConfigMap with a dashboard for Grafana.'),
      labels: texts('Labels by which the sidecar of Grafana finds it.'),
    }),
  }),
  networkPolicy: closed({
    enabled: truth("Let nobody reach the operator's pods but for probes and metrics."),
    metricsFrom: list('NetworkPolicy peers that may scrape. Default: any.'),
  }),
  networkProbe: closed({
    enabled: truth('Run pods that show whether the network enforces NetworkPolicies.'),
    pools: {
      type: 'array',
      minItems: 1,
      description: 'Pools of nodes whose network may differ, with a pair of pods each.',
      items: {
        ...closed({
          name: text('Name of the pool.', { pattern: '^[a-z0-9]([a-z0-9-]{0,14}[a-z0-9])?$' }),
          nodeSelector: texts('Labels of its nodes. Default: all nodes.'),
          tolerations: tolerations('Taints of its nodes.'),
        }),
        required: ['name'],
      },
    },
    resources: resources('CPU and memory of each of the two pods.'),
  }),
  cleanup: closed({ enabled: truth('Take off what the operator leaves, before the release is uninstalled.') }),
  labelGuard: closed({
    enabled: auto('Refuse the verified label from anybody but the operator.'),
    onCreate: text('What happens to a pod that is created with the label.', { enum: ['Strip', 'Deny'] }),
  }),
  trustGuard: closed({ enabled: auto('Ask for the verbs trust and quarantine where a card is loosened.') }),
  injection: closed({
    enabled: truth('Put an Envoy into pods that ask for it by a label.'),
    image: word('The Envoy.'),
    pullPolicy: text('When it is pulled.', { enum: ['Always', 'IfNotPresent', 'Never'] }),
    agentPort: port('Where agents listen, unless the annotation …/port of the pod says otherwise.'),
    tlsPort: port('Where Envoy listens.'),
    runAsUser: {
      type: ['integer', 'null'],
      minimum: 1,
      description: 'As whom Envoy runs. null leaves it to the image.',
    },
    resources: resources('CPU and memory of Envoy: requests and limits.'),
  }),
  userRoles: closed({ create: auto('Create the ClusterRoles viewer, editor and security.') }),
  crd: closed({ install: truth('Install and upgrade the AgentCard kind with this release. It stays at uninstall.') }),
};

const podValues: Readonly<Record<string, Schema>> = {
  enabled: truth('Whether a chart that depends on this one wants it: the condition of its dependency.'),
  replicas: { type: 'integer', minimum: 0, description: 'Pods of the operator; one acts, the others stand by.' },
  fullnameOverride: name('Name of all objects, instead of one made from the release.', { maxLength: 63 }),
  image: closed({
    repository: word('Where the cluster pulls the image from.'),
    // Some write the digest behind it.
    tag: text("Tag of the image. Default: the chart's appVersion.", {
      pattern: '^([A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(@sha256:[0-9a-f]{64})?)?$',
    }),
    digest: text('Digest of the image, in place of the tag.', { pattern: '^(sha256:[0-9a-f]{64})?$' }),
    pullPolicy: text('When the image is pulled.', { enum: ['Always', 'IfNotPresent', 'Never'] }),
  }),
  imagePullSecrets: listOf('Secrets with credentials for the registry.', 'name'),
  serviceAccount: closed({
    create: truth('Create the ServiceAccount.'),
    name: name('Name of the ServiceAccount.', { maxLength: 253 }),
    annotations: texts('Annotations of the ServiceAccount.'),
  }),
  podAnnotations: texts("Annotations of the operator's pods."),
  podLabels: texts("More labels of the operator's pods."),
  podSecurityContext: closed({ runAsUser: account('User'), runAsGroup: account('Group') }),
  extraEnv: listOf("More variables of the operator's container.", 'name', 'value', 'valueFrom'),
  resources: resources('CPU and memory of the operator.'),
  nodeSelector: texts('Nodes on which the operator may run.'),
  tolerations: tolerations('Taints that the operator tolerates.'),
  affinity: some('Affinity of the pods.', {
    nodeAffinity: 'To nodes.',
    podAffinity: 'To pods.',
    podAntiAffinity: 'Away from pods.',
  }),
  priorityClassName: name('PriorityClass of the pods.'),
  extraVolumes: list("More volumes of the operator's pods, for example with a trust bundle."),
  extraVolumeMounts: listOf(
    'Where the operator sees them.',
    ...['name', 'mountPath', 'subPath', 'subPathExpr', 'readOnly', 'recursiveReadOnly', 'mountPropagation'],
  ),
};

function configValues(): Schema {
  const entries = Object.values(flags as Readonly<Record<string, Flag>>).map((flag) => [
    flag.name,
    { description: flag.doc, ...flagSchema(flag) },
  ]);
  return closed(Object.fromEntries(entries), 'Flags of the operator by their names, without the dashes.');
}

/** What a flag takes as text, and the natural YAML for the same: true, 5, a list. Probed, so that no flag is described twice. */
function flagSchema({ schema }: Flag): Schema {
  const { $schema: _dialect, ...given } = z.toJSONSchema(schema, { io: 'input' });
  const read = (probe: string): unknown => schema.safeParse(probe).data;
  if (Array.isArray(given.enum)) return { enum: [...given.enum, ...given.enum.flatMap(yamlTwin)] };
  if (typeof read('5s') === 'number') return { ...given, ...duration };
  // Bounds say what an integer of YAML may be.
  if (given.maximum !== undefined) return { ...given, type: ['string', 'integer'] };
  if (given.items !== undefined) return { ...given, type: ['string', 'array'] };
  return given;
}

/** What YAML makes of true, false and off when nobody quotes them. */
function yamlTwin(choice: unknown): unknown[] {
  if (choice === 'true') return [true];
  return choice === 'false' || choice === 'off' ? [false] : [];
}
