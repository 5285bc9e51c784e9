import { hash } from 'node:crypto';
import type { SeenSignature } from '@agentcard-operator/agentcard';
import type { Key } from '@agentcard-operator/kube/objects';
import type { TrustDomain } from '@agentcard-operator/spiffe/x509';
import type { Endpoint } from '../workload/service.ts';
import type { Workload } from '../workload/workload.ts';
import { type CardEvidence, longestEvidenceMs, type PodEvidence, type Stranger } from './evidence.ts';
import { earliest, latest } from './moments.ts';

/** One question to one pod. */
export interface Ask {
  readonly card: Key;
  readonly endpoint: Endpoint;
  readonly workload: Workload;
  readonly transport: 'mtls' | 'http';
  readonly paths: readonly string[];
  readonly hostHeader: string;
  readonly trustDomains: readonly TrustDomain[];
  /** The SPIFFE IDs of which one is to be proven. */
  readonly expected: readonly string[];
  /** The signature that was good before, from the stored status. */
  readonly seen: SeenSignature | undefined;
  readonly cadence: Cadence;
  /** Something happened: a new pod, another EndpointSlice entry, somebody's request. Goes before turns and repetitions. */
  readonly urgent: boolean;
  /** One of those that meet the request for a refresh. */
  readonly refreshes?: boolean;
}

export interface Cadence {
  readonly transport: 'mtls' | 'http';
  readonly syncPeriodMs: number;
  /** Another value than the last honoured one asks every pod now. */
  readonly refresh: string | undefined;
  /** Spreads the turns of many cards; any stable text of the card's own. */
  readonly seed: string;
}

const firstRetryMs = 500;
const retryGrowth = 1.25;
const longestRetryMs = 60_000;
const refusalRetryMs = 30_000;
const unreadRetryMs = 2_000;
const longestVainMs = 300_000;
/** Between two questions of a pod, whatever calls for them. */
const leastIntervalMs = 1_000;
const shortestTurnMs = 5_000;
/** Of a certificate's life, and of the longest that evidence counts: then it is renewed. */
const renewalShare = 0.8;

/**
 * Whom to ask now, and when to look again; undefined when only an event can bring news. A new pod, a restarted container and a
 * changed EndpointSlice entry are asked at once; one pod per sync period is asked again in turn; each pod at 80 % of its
 * certificate's life, or of a day; a silent one
 * with growing patience; one that was refused soon, since the fault may have been mended.
 */
export function agenda(endpoints: readonly Endpoint[], evidence: CardEvidence, cadence: Cadence, now: number) {
  const refresh = cadence.refresh !== undefined && cadence.refresh !== evidence.refresh;
  const ends = ({ podUid }: Endpoint) => intervalEnds(evidence.pods.get(podUid), now);
  const rest = (endpoint: Endpoint) => restsUntil(endpoint, evidence, cadence);
  // All together, so that it is known when somebody's request was met.
  const refreshAt = refresh
    ? (latest(endpoints.map((each) => (rest(each) === undefined ? ends(each) : atOnce))) ?? atOnce)
    : undefined;
  const refreshes = refreshAt !== undefined && refreshAt <= now;
  const due = endpoints.map((endpoint) => {
    const rests = rest(endpoint);
    if (rests !== undefined) return { endpoint, urgent: false, at: rests };
    const wanted = dueAt(endpoint, evidence, cadence, now);
    const urgent = refreshes || wanted === atOnce;
    return { endpoint, urgent, at: refreshAt ?? (urgent ? ends(endpoint) : wanted) };
  });
  const turn = nextTurn(endpoints, evidence, cadence, now);
  // First, so that whatever else calls for the same pod takes its place.
  if (turn !== undefined) due.unshift({ ...turn, urgent: false });
  const ready = new Map(
    due.filter(({ at }) => at <= now).map(({ endpoint, urgent }) => [endpoint.podUid, { endpoint, urgent, refreshes }]),
  );
  const later = due.map(({ at }) => at).filter((at) => at > now && Number.isFinite(at));
  return { now: [...ready.values()], next: earliest(later) };
}

/** The time of what calls for a question by itself, whenever that is. */
const atOnce = 0;

/** Until when a pod rests of which an attempt taught nothing, whatever else is asked for. */
function restsUntil({ podUid, version }: Endpoint, { strangers, unread }: CardEvidence, cadence: Cadence) {
  const stranger = strangers.get(podUid);
  const known = stranger ?? unread.get(podUid);
  if (known?.endpointVersion !== version) return undefined;
  // A workload that was deleted and made again takes over what it had left behind, which no slice tells.
  return inVain(known, stranger === undefined ? unreadRetryMs : refusalRetryMs, cadence);
}

/** When this pod must be asked for its own sake; Infinity when only its turn brings it up. */
function dueAt(endpoint: Endpoint, evidence: CardEvidence, cadence: Cadence, now: number): number {
  const pod = evidence.pods.get(endpoint.podUid);
  if (pod === undefined || pod.endpointVersion !== endpoint.version || pod.transport !== cadence.transport)
    return atOnce;
  if ((pod.silence?.last ?? 0) > now) return now;
  return pod.silence === undefined ? renewalAt(pod, cadence) : retryAt(pod.silence, cadence);
}

function retryAt(silence: { last: number; attempts: number }, cadence: Cadence): number {
  const patience = Math.min(firstRetryMs * retryGrowth ** (silence.attempts - 1), longestRetryMs, cadence.syncPeriodMs);
  return silence.last + patience * spread(`${cadence.seed} ${silence.last}`);
}

/** After an attempt that cost reads and taught nothing: each time later, since a slice can name any number of such pods. */
function inVain({ at, attempts }: Pick<Stranger, 'at' | 'attempts'>, first: number, { syncPeriodMs }: Cadence): number {
  return at + Math.min(Math.min(first, syncPeriodMs) * 2 ** (attempts - 1), longestVainMs);
}

/** From when a pod may be asked again; at once what was heard at no time, or at one that is yet to come. */
function intervalEnds(pod: PodEvidence | undefined, now: number): number {
  const heard = [pod?.answer?.at, pod?.silence?.last].filter((at) => at !== undefined && at <= now);
  return latest(heard.map((at = atOnce) => at + leastIntervalMs)) ?? atOnce;
}

function renewalAt(pod: PodEvidence, { syncPeriodMs }: Cadence): number {
  const { answer } = pod;
  if (answer?.kind === 'refusal') return answer.at + Math.min(refusalRetryMs, syncPeriodMs);
  if (answer === undefined) return Infinity;
  const aged = answer.at + longestEvidenceMs * renewalShare;
  if (answer.peer === undefined) return aged;
  const { notBefore, notAfter } = answer.peer;
  const renewal = notBefore + (notAfter - notBefore) * renewalShare;
  if (answer.at < renewal) return Math.min(renewal, aged);
  // The pod still serves the old certificate: look more often as its end comes near.
  return answer.at + Math.max(shortestTurnMs, (notAfter - answer.at) / 2);
}

/** The pod that was asked longest ago comes up one sync period after the latest answer. */
function nextTurn(endpoints: readonly Endpoint[], evidence: CardEvidence, cadence: Cadence, now: number) {
  const answered = endpoints
    .filter(({ podUid, version }) => evidence.unread.get(podUid)?.endpointVersion !== version)
    .map((endpoint) => ({ endpoint, at: lastAskedAt(evidence.pods.get(endpoint.podUid), now) }))
    .filter((entry): entry is { endpoint: Endpoint; at: number } => entry.at !== undefined)
    .sort((a, b) => a.at - b.at);
  const [first] = answered;
  const last = answered.at(-1);
  if (first === undefined || last === undefined) return undefined;
  return { endpoint: first.endpoint, at: turnAfter(last.at, cadence) };
}

/** When the next pod's turn comes after an answer at this time. */
export function turnAfter(at: number, { syncPeriodMs, seed }: Cadence): number {
  return at + syncPeriodMs * spread(`${seed} ${at}`);
}

/** An answer from the future was heard before the clock was set back, who knows when. */
function lastAskedAt(pod: PodEvidence | undefined, now: number): number | undefined {
  const at = pod?.silence === undefined ? pod?.answer?.at : undefined;
  return at !== undefined && at > now ? 0 : at;
}

/** A factor between 0.9 and 1.1 that is the same for the same text, so that a plan is a function of what it sees. */
function spread(text: string): number {
  const bytes = hash('sha256', text, 'buffer');
  return 0.9 + (bytes.readUInt16BE(0) / 0xffff) * 0.2;
}
