import { Health, type HttpServer } from '@agentcard-operator/kube/runtime';
import { IdentitySource, workloadApi } from '@agentcard-operator/spiffe/workload-api';
import { ok, type Result, refused } from '@agentcard-operator/spiffe/x509';
import { describeFlags, parseFlags } from '../operator/settings/flags.ts';
import { versionLine } from '../operator/settings/version.ts';
import { flags, problemsOf, type Settings } from './settings.ts';
import { followIdentity } from './sidecar.ts';
import { type Edges, logged, type SigningIdentity, sign } from './signing.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface World extends Edges {
  readonly out: (text: string) => void;
  /** Aborted when the process shall end. */
  readonly signal: AbortSignal;
}

const exit = { ok: 0, failed: 1, usage: 2 } as const;
/** A pod's registration entry comes moments after the pod: a long back-off would delay every start. */
const longestFirstWaitMs = 2_000;

/** Runs the signer and returns its exit status: 0 signed, or told to stop; 1 not signed; 2 wrong usage. It never throws. */
export async function run(args: readonly string[], env: Env, world: World): Promise<number> {
  const asksHelp = args.includes('--help') || args.includes('-h');
  if (asksHelp || args.includes('--version')) {
    world.out(asksHelp ? help() : versionLine('agentcard-signer'));
    return exit.ok;
  }
  const { values, problems } = parseFlags(flags, args, env);
  const all = values === undefined ? problems : problemsOf(values);
  for (const problem of all) world.log.error('the settings cannot be used', { code: 'WrongUsage', reason: problem });
  if (values === undefined || all.length > 0) return exit.usage;
  const result = await runWith(values, world).catch((error: unknown) =>
    refused('InternalError', `${error instanceof Error ? error.message : String(error)}; please report it`),
  );
  if (!result.ok) world.log.error('the signer gives up', logged(result.error));
  return result.ok ? exit.ok : exit.failed;
}

function help(): string {
  return `Signs the AgentCard of this pod with its X509-SVID, so that anyone with the trust bundle can tell who wrote it.

As an init container it signs once and exits; as a native sidecar (--sidecar) it stays and signs again with every
X509-SVID. The card is signed as it is; signatures of other workloads stay in it. What is written has been read back
and verified. Exit status: 0 signed, 1 not signed, 2 wrong usage.

Flags, which are variables of the environment too:
${describeFlags(flags)}
`;
}

async function runWith(settings: Settings, world: World): Promise<Result<unknown>> {
  const ending = new AbortController();
  const signal = AbortSignal.any([world.signal, ending.signal]);
  const identity = openIdentity(settings, world);
  const work = settings.sidecar ? stay(identity, settings, world, signal) : once(identity, settings, world, signal);
  // It ends by itself only when the Workload API will never serve us.
  const refusal = identity.start(signal).then(() => (signal.aborted ? work : withoutSvid(identity)));
  try {
    return await Promise.race([work, refusal]);
  } finally {
    ending.abort();
  }
}

function openIdentity({ spiffeEndpointSocket }: Settings, { now, random, log }: World): IdentitySource {
  const api = workloadApi(spiffeEndpointSocket);
  const wait = (ms: number, signal: AbortSignal): Promise<void> => {
    const isFirst = identity.current().svid === undefined;
    return api.wait(isFirst ? Math.min(ms, longestFirstWaitMs) : ms, signal);
  };
  const identity = new IdentitySource({ workloadApi: { ...api, random, wait }, clock: () => now().getTime() });
  identity.onChange(({ lastError }, before) => {
    const isNews = lastError !== undefined && lastError.message !== before.lastError?.message;
    if (isNews) log.warn('trouble with the Workload API', logged(lastError));
  });
  return identity;
}

async function once(
  identity: IdentitySource,
  settings: Settings,
  world: World,
  signal: AbortSignal,
): Promise<Result<unknown>> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(settings.signTimeout)]);
  const { svid, bundles } = await identity.ready(deadline).catch(() => identity.current());
  if (svid !== undefined) return sign({ svid, bundles }, settings, world, deadline);
  if (signal.aborted) return refused('Stopped', 'told to stop before the card was signed');
  return withoutSvid(identity, ` within ${settings.signTimeout / 1000} s`);
}

function withoutSvid(identity: IdentitySource, when = ''): Result<never> {
  const { code, message } = identity.current().lastError ?? { code: 'SvidMissing', message: 'the reason is unknown' };
  const mount =
    code === 'WorkloadApiUnavailable' ? ', mount its socket here and name it by SPIFFE_ENDPOINT_SOCKET' : '';
  return refused(code, `no X509-SVID${when}: ${message}${mount}`);
}

async function stay(
  identity: IdentitySource,
  settings: Settings,
  world: World,
  signal: AbortSignal,
): Promise<Result<unknown>> {
  const health = new Health();
  let signedUntil: Date | undefined;
  health.addReadyProbe('signature', () => {
    if (signedUntil === undefined) return 'the card is not signed yet';
    return world.now() <= signedUntil || 'the certificate of the signature has ended';
  });
  const server = await listen(health, settings.healthProbeBindAddress);
  if (!server.ok) return server;
  const signWith = async (who: SigningIdentity) => {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(settings.signTimeout)]);
    const result = await sign(who, settings, world, deadline);
    if (result.ok) signedUntil = result.value.notAfter;
    return result;
  };
  await followIdentity(identity, signWith, world, signal);
  await server.value?.close();
  return ok(undefined);
}

async function listen(health: Health, address: string): Promise<Result<HttpServer | undefined>> {
  try {
    return ok(await health.serve(address));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return refused('PortNotUsable', `cannot listen (${reason}); choose another --health-probe-bind-address`);
  }
}
