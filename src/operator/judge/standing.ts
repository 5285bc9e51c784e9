import { isReady, isVerified } from '../api/conditions.ts';
import type { Answer, Demands, Proof } from './question.ts';
import { type QuestionName, questions } from './questions.ts';
import { type Sight, suspendedSince } from './sight.ts';
import type { Snapshot } from './snapshot.ts';

/** What one pod's answers come to. */
export type Standing =
  /** Not asked since the operator started, or since the pod's containers were replaced. */
  | { readonly kind: 'unasked' }
  /** Belongs to something else; neither for nor against the card. */
  | { readonly kind: 'stranger' }
  /** Passed what is required: now (proven), or before it fell silent (held). */
  | (Proof & { readonly kind: 'proven' | 'held'; readonly until: number; readonly since: number })
  /** Answered, but not with what is required. */
  | { readonly kind: 'unproven'; readonly lacks: string }
  /** Showed that it is not what it must be: the first of its answers that says so. */
  | { readonly kind: 'negative'; readonly guilt: Answer }
  /** Absent; `expired` once it had been trusted for as long as a silent pod may be. */
  | { readonly kind: 'silent'; readonly expired: boolean };

export type Trusted = Extract<Standing, { kind: 'proven' | 'held' }>;

/** A pod with its answers, by question, and what they come to. */
export interface JudgedPod extends Sight {
  readonly answers: ReadonlyMap<QuestionName, Answer>;
  readonly standing: Standing;
  /** On which trust rests, or would rest if the card were the approved one. */
  readonly proof: Proof | undefined;
}

export function judgePod(pod: Sight, demands: Demands): JudgedPod {
  const asked = questions.filter((question) => question.about === 'pod');
  const answers = new Map(
    asked.map((question) => [question.name as QuestionName, question.ask(pod, demands) as Answer]),
  );
  const proof = proofOf([...answers.values()], demands, pod.shown?.kind === 'card');
  const standing = standingOf(pod, [...answers.values()], proof);
  return { ...pod, answers, standing, proof: typeof proof === 'string' ? undefined : proof };
}

export function isTrusted(standing: Standing): standing is Trusted {
  return standing.kind === 'proven' || standing.kind === 'held';
}

/** Guilt at once; trust only as long as the certificate lives and the silence is shorter than the evidence's time. */
function standingOf(pod: Sight, answers: readonly Answer[], proof: Proof | string): Standing {
  const { shown, silence, until } = pod;
  if (pod.stranger !== undefined) return { kind: 'stranger' };
  if (pod.evidence === undefined && silence === undefined) return { kind: 'unasked' };
  const guilt = answers.find(({ effect }) => effect?.weight === 'guilt');
  if (guilt !== undefined) return { kind: 'negative', guilt };
  if (shown === undefined) return { kind: 'silent', expired: false };
  if (typeof proof === 'string') {
    // What was restored after a restart may prove nothing by the rules of today; that is no fresh sight of it.
    const isFresh = silence === undefined && shown.kind === 'card';
    return isFresh ? { kind: 'unproven', lacks: proof } : { kind: 'silent', expired: false };
  }
  if (pod.lapsed) return { kind: 'silent', expired: true };
  return { ...proof, kind: silence === undefined ? 'proven' : 'held', until, since: silence?.since ?? shown.at };
}

/** What passes, mutual TLS first; or what it lacks: everything that is required, else one of the mechanisms that are on. */
function proofOf(answers: readonly Answer[], { settings }: Demands, withCard: boolean): Proof | string {
  const proofs = answers.flatMap(({ proof }) => proof ?? []);
  const lacks = answers.flatMap(({ effect, says = '' }) => (effect?.Verified === 'NotVerified' ? [says] : []));
  const missing = settings.require.find(
    (by) => !proofs.some((proof) => proof.by === by) && (by === 'mtls' || withCard),
  );
  const [best] = proofs;
  if (missing === undefined && best !== undefined) return best;
  return (missing === 'mtls' ? lacks[0] : lacks.at(-1)) ?? 'Nothing proves who served the card.';
}

/** Guilty of more than a card that nobody approved: what such a pod serves is not published. */
export function isUnfit({ standing }: JudgedPod): boolean {
  return standing.kind === 'negative' && standing.guilt.effect?.Verified !== 'CardNotApproved';
}

/** On whom trust in a pod rests, or would rest if its card were the approved one. */
export function trustedId(pod: JudgedPod): string | undefined {
  const counts = isTrusted(pod.standing) || (pod.standing.kind === 'negative' && !isUnfit(pod));
  return counts ? pod.proof?.identity : undefined;
}

/** The identity that a pod proved over mutual TLS, whatever is wrong with it or its card. */
export function servedBy({ standing, refusal, answers }: JudgedPod): string | undefined {
  if (refusal !== undefined || !['proven', 'held', 'negative', 'unproven'].includes(standing.kind)) return undefined;
  const answer = answers.get('server-identity');
  return answer?.result === 'pass' || answer?.result === 'fail' ? answer.observed : undefined;
}

/** Networks take up to seconds to learn the address of a new pod, which ours may be, and refuse what it sends until then. */
const networkPatienceMs = 10_000;

/**
 * What stands, stands until something was learned: until when at the longest, undefined once it was. After a restart that takes
 * a whole round: the first pod that answers may be the honest one of three, and its silent siblings keep what they had. Guilt
 * waits for no round.
 */
export function pendingUntil(snapshot: Snapshot, pods: readonly JudgedPod[], leftUntil: number, now: number) {
  const { card, evidence, openedAt = Infinity } = snapshot;
  const newUntil = openedAt + networkPatienceMs;
  const isNew = isReady(card.status) && openedAt <= now && now < newUntil;
  const until = isNew ? Math.min(leftUntil, newUntil) : leftUntil;
  const unheard = isNew ? pods.filter(isUnheard) : [];
  const unasked = [...pods.filter(({ standing }) => standing.kind === 'unasked'), ...unheard];
  const wasTrusted = isVerified(card.status);
  const mayStand = wasTrusted && suspendedSince(card, now) !== undefined && now < leftUntil;
  if (unasked.length === pods.length) return card.spec.suspend !== true || mayStand ? until : undefined;
  const complete = evidence.complete && unheard.length === 0;
  if (complete || card.spec.suspend === true || card.status?.conditions === undefined) return undefined;
  const guilty = pods.some(({ standing }) => standing.kind === 'negative');
  if (guilty && wasTrusted) return undefined;
  return unasked.some(({ endpoint }) => !evidence.unread.has(endpoint.podUid)) ? until : undefined;
}

/** Asked in vain, and it never answered since the operator started. */
function isUnheard({ standing, shown }: JudgedPod): boolean {
  return standing.kind === 'held' ? shown?.kind === 'restored' : standing.kind === 'silent' && shown === undefined;
}
