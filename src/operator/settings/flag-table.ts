import { canonicalForms, parseForms } from '@agentcard-operator/agentcard';
import type { NetworkPolicyRule } from '@agentcard-operator/kube/objects';
import * as z from 'zod';
import { jsonOrUndefined } from '../api/json.ts';
import { enforcementLabel, tlsPortName } from '../api/labels.ts';
import { spiffeIdPattern, spiffeIdWords } from '../api/schema.ts';
import { egressRules, ingressRules } from '../network/rule-schemas.ts';
import { address, addressRanges, boolean, durationTo, listOf, optionalPath, trustDomainName } from './flag-schemas.ts';
import { flagsFrom } from './flags.ts';
import { defaultTemplate } from './spiffe-id-template.ts';

const whole = (least: number, most: number, digits = `${most}`.length) =>
  z
    .string()
    .regex(new RegExp(`^(${most}|[0-9]{1,${digits}})$`), `must be a whole number from ${least} to ${most}`)
    .meta({ minimum: least, maximum: most })
    .transform(Number)
    .refine((value) => value >= least && value <= most, `must be from ${least} to ${most}`);
// Only for the chart: what is read here is told by the name that is unknown.
const form = `\\s*(${canonicalForms.map(({ name }) => name.replaceAll('.', '\\.')).join('|')})\\s*`;
const forms = z
  .string()
  .meta({ pattern: `^${form}(,${form})*$` })
  .transform((text, context) => {
    const parsed = parseForms(text);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.error.message });
    return z.NEVER;
  });
const mechanisms = listOf(
  '(mtls|signature)',
  'knows mtls and signature; sigstore is not supported by this version',
).pipe(z.array(z.enum(['mtls', 'signature'])));
const cardPaths = listOf('/[\\x21-\\x2b\\x2d-\\x7e]*', 'must be paths that start with /, in ASCII without spaces');
const namespaces = listOf('[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?', 'must be names of namespaces, by commas');
const object = '[a-z0-9]([a-z0-9-]*[a-z0-9])?/[a-z0-9]([a-z0-9.-]*[a-z0-9])?';
const optionalName = z.string().regex(new RegExp(`^(${object})?$`), 'must be namespace/name');
const services = `^${object}(,${object})*$`;
const namespacedName = z
  .string()
  .regex(new RegExp(services), 'must be namespace/name, several by commas')
  .meta({ items: { type: 'string', pattern: services }, minItems: 1 });
// As container ports are named. Without look-ahead, which the patterns of a chart's schema do not have.
const isNoPort = 'must be a port name: at most 15 lower-case letters, digits and single hyphens inside, and a letter';
const portName = z
  .string()
  .max(15, { error: isNoPort, abort: true })
  .regex(/^([0-9]+-)*[0-9]*[a-z][a-z0-9]*(-[a-z0-9]+)*$/, isNoPort);
const rules = (schema: z.ZodType, sides: string) =>
  z
    .string()
    .meta({ items: { type: 'object' }, pattern: '^\\s*\\[[\\s\\S]*\\]\\s*$' })
    .transform((text, context): NetworkPolicyRule[] => {
      const parsed = schema.safeParse(jsonOrUndefined(text));
      if (parsed.success) return parsed.data as NetworkPolicyRule[];
      const [place] = parsed.error.issues[0]?.path ?? [];
      const where = place === undefined ? '' : `; rule ${String(place)} is none`;
      context.addIssue({ code: 'custom', message: `must be a JSON list of NetworkPolicy rules with ${sides}${where}` });
      return z.NEVER;
    });

const templateAction = '\\{\\{-?\\s*\\.(TrustDomain|PodMeta\\.Namespace|PodSpec\\.ServiceAccountName)\\s*-?\\}\\}';

/** Every flag. --help, the chart's schema and the reference's table are made from this. */
export const flags = flagsFrom({
  trustDomain: {
    schema: trustDomainName,
    doc: 'SPIFFE trust domain of the operator and its agents, for example example.org. Required with --enable-verified-fetch.',
    aliases: { 'spire-trust-domain': undefined },
  },
  enableVerifiedFetch: {
    schema: boolean,
    default: 'false',
    doc: 'Fetch cards over SPIFFE mutual TLS from agents whose Service has the port of --agent-tls-port-name.',
  },
  agentTlsPortName: {
    schema: portName,
    default: tlsPortName,
    doc: 'Name of the Service port behind which agents answer over SPIFFE mutual TLS.',
  },
  spiffeEndpointSocket: {
    schema: z.string(),
    doc: 'Address of the SPIFFE Workload API, for example unix:///spiffe-workload-api/spire-agent.sock. Default: SPIFFE_ENDPOINT_SOCKET.',
    aliases: { 'verified-fetch-spiffe-socket': undefined },
  },
  enableSignatureVerification: {
    schema: boolean,
    default: 'false',
    doc: 'Verify the JWS signatures of cards whose x5c chain leads to a trust bundle.',
    aliases: { 'require-a2a-signature': undefined },
  },
  signatureForms: {
    schema: forms,
    default: 'raw-jcs,spec-8.4.1',
    doc: 'Canonical forms over which a signature may be made, by commas. Projected and legacy forms leave parts of a card unsigned.',
  },
  require: {
    schema: mechanisms,
    doc: 'Mechanisms that must all pass: mtls, signature, or both by a comma. Default: one of those that are on.',
  },
  strictBinding: {
    schema: z.enum(['true', 'false', 'floor']),
    default: 'true',
    doc: 'Whether another identity than the expected one fails a card that leaves identityBinding.strict unset; floor: every card, whose allowedSpiffeIDs and trustDomain are then ignored as well, but for --floor-allowed-ids.',
  },
  floorAllowedIds: {
    schema: listOf(spiffeIdPattern, spiffeIdWords),
    doc: 'SPIFFE IDs, by commas, that cards may allow under --strict-binding=floor, which ignores all others that they allow.',
  },
  spiffeIdTemplate: {
    // Only for the chart as well: the start names the name that is unknown.
    schema: z.string().meta({ pattern: `^spiffe://([A-Za-z0-9._/-]|${templateAction})+$` }),
    default: defaultTemplate,
    doc: "Template of the SPIFFE ID that a workload must prove, with the names of ClusterSPIFFEID's.",
  },
  enforcement: {
    schema: z.enum(['off', 'audit', 'enforce']),
    default: 'off',
    doc: `Whether NetworkPolicies follow the verdicts. A namespace labelled ${enforcementLabel} decides for itself.`,
    aliases: {
      'enforce-network-policies': (text: string) => text.replace(/^true$/, 'enforce').replace(/^false$/, 'off'),
    },
  },
  ingressAllow: {
    schema: rules(ingressRules, 'from and ports'),
    default: '[]',
    doc: 'JSON list of NetworkPolicy ingress rules that every verified agent also lets in.',
  },
  egressAllow: {
    schema: rules(egressRules, 'to and ports'),
    default: '[]',
    doc: 'JSON list of NetworkPolicy egress rules that an unverified agent may also use.',
  },
  dnsService: {
    schema: namespacedName.transform((text) => text.split(',')),
    default: 'kube-system/kube-dns,openshift-dns/dns-default',
    doc: 'Services of the cluster DNS, which unverified agents may reach.',
  },
  dnsCidr: {
    schema: addressRanges,
    doc: 'Address ranges of further DNS servers, for example a node-local cache, by commas.',
  },
  evidenceTtl: {
    schema: durationTo('168h'),
    default: '10m',
    doc: 'How long a verdict stands after the agent stopped answering; never past its certificate.',
  },
  maxDistrust: {
    schema: whole(0, 100, 2),
    default: '20',
    doc: 'Percent of the cards that hold trust (at least 5 cards) that may fall silent at once before the fleet brake holds every verdict; 100: never.',
  },
  maxHold: {
    schema: durationTo('168h'),
    default: '30m',
    doc: 'The longest that the fleet brake holds; never past a certificate.',
  },
  cardPaths: {
    schema: cardPaths,
    doc: 'Paths besides the well-known ones at which spec.endpoint.path may have agents asked, by commas; * stands for a part of one segment.',
  },
  trustBundleFile: {
    schema: optionalPath,
    doc: "File with the trust bundle of --trust-domain, PEM or SPIFFE JSON. Default: the Workload API's.",
  },
  trustBundleConfigmap: {
    schema: optionalName,
    doc: 'ConfigMap (namespace/name) with that trust bundle instead.',
    aliases: { 'spire-trust-bundle-configmap': undefined },
  },
  trustBundleConfigmapKey: {
    schema: z.string().regex(/^[-._a-zA-Z0-9]{1,253}$/, "must be a ConfigMap's key: letters, digits, -, _ and ."),
    default: 'bundle.spiffe',
    doc: 'Key of that ConfigMap.',
    aliases: { 'spire-trust-bundle-configmap-key': undefined },
  },
  fetchTimeout: {
    schema: durationTo('10m'),
    default: '5s',
    doc: 'Bound on one fetch of a card, from dial to last byte.',
  },
  fetchConcurrency: { schema: whole(1, 1024), default: '64', doc: 'Fetches under way at once.' },
  concurrency: { schema: whole(1, 256), default: '16', doc: 'Reconciles under way at once.' },
  namespaces: { schema: namespaces, doc: 'Namespaces to watch, by commas. Default: all.' },
  leaderElect: {
    schema: boolean,
    default: 'false',
    doc: 'Hold a Lease before acting, so that several replicas can run.',
  },
  metricsBindAddress: {
    schema: address,
    default: '0',
    doc: 'Where /metrics is served, for example :8080; 0: nowhere.',
  },
  profiling: { schema: boolean, default: 'false', doc: 'Serve CPU profiles and heap snapshots beside /metrics.' },
  healthProbeBindAddress: {
    schema: address,
    default: ':8081',
    doc: 'Where /healthz and /readyz are served; 0: nowhere.',
  },
  kubeconfig: {
    schema: optionalPath,
    doc: 'Path of a kubeconfig. Default: in-cluster, else KUBECONFIG or ~/.kube/config.',
  },
  logLevel: { schema: z.enum(['debug', 'info', 'warn', 'error']), default: 'info', doc: 'Least level that is logged.' },
  logFormat: { schema: z.enum(['json', 'text']), default: 'json', doc: 'JSON lines, or text for people.' },
});
