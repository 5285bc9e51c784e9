import { parseTrustDomain } from '@agentcard-operator/spiffe/x509';
import { flags } from './flag-table.ts';
import { type FlagValues, parseFlags } from './flags.ts';
import { renderSpiffeId } from './spiffe-id-template.ts';

export type Config = FlagValues<typeof flags> & {
  /** From the downward API: where the operator itself runs. */
  readonly podNamespace: string;
  readonly podName: string;
};

/** Whether our own identity and trust bundles come from SPIRE's agent. */
export function asksWorkloadApi({ spiffeEndpointSocket, ...config }: Config): boolean {
  return (config.enableVerifiedFetch || config.enableSignatureVerification) && spiffeEndpointSocket !== '';
}

type Env = Readonly<Record<string, string | undefined>>;

/** Flags, then AGENTCARD_ variables, then defaults; a list of complaints when they do not fit together. */
export function readConfig(args: readonly string[], env: Env): { config: Config } | { problems: readonly string[] } {
  const { values, problems } = parseFlags(flags, args, env);
  if (values === undefined) return { problems };
  const config = { ...values, podNamespace: env.POD_NAMESPACE ?? '', podName: env.POD_NAME ?? '' };
  const socket = config.spiffeEndpointSocket || (env.SPIFFE_ENDPOINT_SOCKET ?? '');
  const misfits = problemsOf({ ...config, spiffeEndpointSocket: socket });
  return misfits.length > 0 ? { problems: misfits } : { config: { ...config, spiffeEndpointSocket: socket } };
}

/** What a wrong combination would silently break later is said now. */
function problemsOf(config: Config): string[] {
  const problems: string[] = [];
  const isOn = { mtls: config.enableVerifiedFetch, signature: config.enableSignatureVerification };
  if (isOn.mtls || isOn.signature) problems.push(...spiffeProblems(config));
  for (const mechanism of config.require) {
    if (!isOn[mechanism]) problems.push(`--require=${mechanism} needs the mechanism on: ${switches[mechanism]}`);
  }
  if (config.profiling && ['', '0'].includes(config.metricsBindAddress)) {
    problems.push('--profiling needs a port for metrics: set --metrics-bind-address, for example to :8080');
  }
  if (config.trustBundleFile !== '' && config.trustBundleConfigmap !== '') {
    problems.push('--trust-bundle-file and --trust-bundle-configmap name one bundle each: set one of both');
  }
  if (config.floorAllowedIds.length > 0 && config.strictBinding !== 'floor') {
    problems.push('--floor-allowed-ids counts under --strict-binding=floor alone: set that too, or leave it out');
  }
  if (sharePort(config.metricsBindAddress, config.healthProbeBindAddress)) {
    problems.push('--metrics-bind-address and --health-probe-bind-address are one: give each a port of its own');
  }
  if (config.enforcement === 'enforce') {
    if (!isOn.mtls && !isOn.signature) {
      problems.push(`--enforcement=enforce needs a way to verify agents: ${switches.mtls} or ${switches.signature}`);
    }
    if (config.podNamespace === '') {
      problems.push("--enforcement=enforce needs the operator's own namespace: set POD_NAMESPACE (downward API)");
    }
  }
  return problems;
}

const isFixed = (address: string) => Number(address.split(':').at(-1)) > 0;
/** A port without a host is that of every host. */
const sharePort = (one: string, other: string) => isFixed(one) && (one.endsWith(other) || other.endsWith(one));

const switches = { mtls: 'set --enable-verified-fetch', signature: 'set --enable-signature-verification' } as const;

const socketWords = 'unix:///path/to/socket or tcp://<IP address>:<port>, without spaces';

function spiffeProblems(config: Config): string[] {
  const problems: string[] = [];
  const domain = parseTrustDomain(config.trustDomain);
  if (config.trustDomain === '') {
    problems.push("--trust-domain is empty: set it to your SPIRE server's, for example --trust-domain=example.org");
  } else if (!domain.ok) problems.push(`--trust-domain: ${domain.error.message}`);
  const ownBundle = config.trustBundleFile !== '' || config.trustBundleConfigmap !== '';
  if (config.spiffeEndpointSocket === '' && (config.enableVerifiedFetch || !ownBundle)) {
    problems.push('--spiffe-endpoint-socket is empty and SPIFFE_ENDPOINT_SOCKET is not set: name the Workload API');
  } else if (!/^(unix:(\/\/)?\/[^/?#\s][^?#\s]*|tcp:\/\/[^/?#\s]+:[0-9]{1,5})?$/.test(config.spiffeEndpointSocket)) {
    problems.push(`--spiffe-endpoint-socket or SPIFFE_ENDPOINT_SOCKET must be ${socketWords}`);
  }
  const sample = { trustDomain: 'example.org', namespace: 'namespace', serviceAccount: 'account' };
  const id = renderSpiffeId(config.spiffeIdTemplate, sample);
  if (!id.ok) problems.push(`--spiffe-id-template: ${id.error.message}`);
  return problems;
}
