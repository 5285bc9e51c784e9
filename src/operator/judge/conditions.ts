import { sources } from '../api/agentcard.ts';
import {
  type BoundReason,
  bindingRemedy,
  reasons,
  type SignatureReason,
  type SyncedReason,
  type VerifiedReason,
} from '../api/conditions.ts';
import type { SignatureFinding } from '../inquiry/evidence.ts';
import type { Answers, Given } from './answers.ts';
import { type Quarantine, quarantineMessage } from './quarantine.ts';
import type { Answer, Matter } from './question.ts';
import { effects } from './questions.ts';
import { isReadable } from './sight.ts';
import { type JudgedPod, servedBy, trustedId } from './standing.ts';

/** What a condition says, before it is written. */
export interface Outcome<Reason extends string> {
  readonly ok: boolean;
  /** Not ok, because nobody knows. */
  readonly unknown?: true;
  readonly reason: Reason;
  /** What was seen; the remedy is added where the message is written. */
  readonly message: string;
  /** Instead of the reason's own remedy. */
  readonly todo?: string;
}

export function no<Reason extends string>(reason: Reason, message: string): Outcome<Reason> {
  return { ok: false, reason, message };
}

/** What the conditions fold over: the pods with their answers, and the answers for the card as a whole. */
export interface Heard {
  readonly matter: Matter;
  readonly pods: readonly JudgedPod[];
  readonly answers: Answers;
}

/** Synced: whether the card can be read now. */
function syncedOutcome({ matter, pods, answers }: Heard): Outcome<SyncedReason> {
  const { target, snapshot } = matter;
  const suspended = snapshot.card.spec.suspend === true;
  if (target.resolved && suspended) return no('Suspended', 'The agent is not asked while spec.suspend is set.');
  for (const { answer, pod } of answers.values()) {
    const reason = pod === undefined ? answer.effect?.Synced : undefined;
    if (reason !== undefined) return saying(reason, answer);
  }
  const readable = pods.find(isReadable);
  if (readable?.shown?.kind !== 'card') return unread(pods);
  return { ok: true, reason: 'SyncSucceeded', message: `The card was read ${sources[readable.shown.card.source]}.` };
}

function saying<Reason extends string>(reason: Reason, answer: Answer): Outcome<Reason> {
  return { ...no(reason, wordsOf(answer)), ...(answer.todo === undefined ? {} : { todo: answer.todo }) };
}

function wordsOf({ says, observed = '' }: Answer): string {
  return says ?? observed;
}

/** Why no pod's card can be read: silence before guilt, which Verified tells. */
function unread(pods: readonly JudgedPod[]): Outcome<SyncedReason> {
  const told = pods.flatMap((pod) => [...pod.answers.values()].map((answer) => ({ pod, answer })));
  const failing = told.filter(({ answer }) => answer.effect?.Synced !== undefined);
  const first = failing.find(({ answer }) => answer.effect?.weight === 'absence') ?? failing[0];
  const reason = first?.answer.effect?.Synced;
  if (first === undefined || reason === undefined) return no('FetchFailed', 'No pod has been asked yet.');
  const { todo } = first.answer;
  // When it is we who cannot ask, no pod is to blame.
  if (todo !== undefined) return saying(reason, first.answer);
  return no(reason, `Pod ${first.pod.endpoint.podName}: ${wordsOf(first.answer)}`);
}

/** Bound: whether the proven identity is the expected one; undefined when no mechanism is on. */
function boundOutcome({ matter, pods }: Heard): Outcome<BoundReason> | undefined {
  const { target, settings, hold } = matter;
  if (!settings.mtls && !settings.signature) return undefined;
  if (!target.resolved) return no('WorkloadUnresolved', target.message);
  const unbound = (reason: BoundReason, message: string) => {
    return { ...no(reason, message), todo: bindingRemedy(reason, settings) };
  };
  for (const weight of ['guilt', 'note'] as const) {
    const telling = pods.flatMap(({ standing, answers }) =>
      weight === 'note' ? [...answers.values()] : standing.kind === 'negative' ? [standing.guilt] : [],
    );
    const told = telling.find(({ effect }) => effect?.weight === weight && effect.Bound !== undefined);
    if (told?.effect?.Bound !== undefined) return unbound(told.effect.Bound, wordsOf(told));
  }
  const { wanted } = target;
  const ids = pods.flatMap((pod) => trustedId(pod) ?? servedBy(pod) ?? []);
  const id = ids[0] ?? hold.attested;
  if (id === undefined) return no('NoIdentity', `Nothing proves an identity; expected ${wanted}.`);
  if (!target.expected.includes(id)) return unbound('SpiffeIDMismatch', `The pod proved ${id}, expected ${wanted}.`);
  return { ok: true, reason: 'Bound', message: `The workload proved ${id}.` };
}

/** Verified: whether the card is trusted; undefined when no mechanism is on. */
export function verifiedOutcome(heard: Heard, quarantine: Quarantine | undefined): Outcome<VerifiedReason> | undefined {
  const { settings } = heard.matter;
  if (!settings.mtls && !settings.signature) return undefined;
  if (quarantine !== undefined) return no('Quarantined', quarantineMessage(quarantine));
  return guiltOutcome(heard) ?? trustOutcome(heard);
}

/** The worst first, which is the order of the ladder. */
export const guilts = new Set(
  effects.flatMap(({ weight, Verified }) => (weight === 'guilt' && Verified !== undefined ? [Verified] : [])),
);

function guiltOutcome({ pods, answers }: Heard): Outcome<VerifiedReason> | undefined {
  const guilty = pods.flatMap(({ endpoint, standing }) =>
    standing.kind === 'negative' ? [{ podName: endpoint.podName, guilt: standing.guilt }] : [],
  );
  for (const reason of guilts) {
    const first = guilty.find(({ guilt }) => guilt.effect?.Verified === reason);
    if (first === undefined) continue;
    const more = guilty.length > 1 ? ` (and ${guilty.length - 1} more)` : '';
    return no(reason, `Pod ${first.podName}${more}: ${wordsOf(first.guilt)}`);
  }
  const recalled = [...answers.values()].find(
    ({ pod, answer }) => pod === undefined && answer.effect?.weight === 'guilt',
  );
  const reason = recalled?.answer.effect?.Verified;
  return recalled && reason && no(reason, wordsOf(recalled.answer));
}

function trustOutcome({ matter, pods, answers }: Heard): Outcome<VerifiedReason> {
  const { hold } = matter;
  const standings = pods.map(({ standing }) => standing);
  const proven = standings.find((standing) => standing.kind === 'proven');
  if (proven?.kind === 'proven') {
    return proven.by === 'mtls'
      ? { ok: true, reason: 'mTLSVerified', message: `Served over mutual TLS by ${proven.identity}.` }
      : { ok: true, reason: 'SignatureVerified', message: `Signed by ${proven.identity}.` };
  }
  const unproven = standings.find((standing) => standing.kind === 'unproven');
  if (unproven?.kind === 'unproven') return no('NotVerified', unproven.lacks);
  const missing = unread(pods);
  if (standings.some(({ kind }) => kind === 'held') || hold.holds) {
    const absence = missing.todo === undefined ? 'The agent does not answer' : 'The agent cannot be asked';
    const message = `${absence}; the verdict rests on earlier evidence.`;
    return { ok: true, reason: 'EvidenceHeld', message, ...(missing.todo === undefined ? {} : { todo: missing.todo }) };
  }
  const expired = standings.some((standing) => standing.kind === 'silent' && standing.expired) || hold.expired;
  if (expired) return no('EvidenceExpired', 'The agent did not answer while its evidence lasted.');
  const lack = [...answers.values()].find(({ answer }) => answer.effect?.Verified === 'NotVerified');
  const silent = pods.some(({ silence }) => silence !== undefined);
  if (lack !== undefined && !silent) return saying('NotVerified', lack.answer);
  return { ...missing, reason: 'FetchFailed' };
}

/** `finding` is undefined while an earlier one is kept through absence. */
export interface SignatureVerdict {
  readonly outcome: Outcome<SignatureReason>;
  readonly finding: SignatureFinding | undefined;
  readonly signerMatches: boolean | undefined;
}

/** SignatureVerified: what the card's signature proves; undefined when signatures are not verified. */
function signatureOutcome({ matter, answers }: Heard): SignatureVerdict | undefined {
  if (!matter.settings.signature) return undefined;
  const { answer, pod } = answers.get('signature') as Given;
  const finding = pod?.shown?.kind === 'card' ? pod.shown.card.signature : undefined;
  const signerMatches = finding?.signer === undefined ? undefined : matter.target.expected.includes(finding.signer);
  const reason = answer.effect?.SignatureVerified;
  if (answer.result === 'pass') {
    return { outcome: { ok: true, reason: 'SignatureValid', message: wordsOf(answer) }, finding, signerMatches };
  }
  const message = answer.says ?? 'No signed card could be read.';
  return { outcome: no(reason ?? 'SignatureMissing', message), finding, signerMatches };
}

/** All of them. `verified` is decided before, since on what the others may rest follows from it. */
export function outcomesOf(heard: Heard, verified: Outcome<VerifiedReason> | undefined, quarantine?: Quarantine) {
  const synced = syncedOutcome(heard);
  const ready = readyOutcome(synced, verified, quarantine);
  const stalled = stalledOutcome(ready, synced, verified);
  return { ready, synced, verified, stalled, bound: boundOutcome(heard), signature: signatureOutcome(heard) };
}

/** Ready = Synced and (Verified or no mechanism) and not quarantined; guilt is named before absence. */
function readyOutcome(synced: Outcome<SyncedReason>, verified?: Outcome<VerifiedReason>, quarantine?: Quarantine) {
  if (quarantine !== undefined) return no('Quarantined', quarantineMessage(quarantine));
  if (verified !== undefined && guilts.has(verified.reason)) return verified;
  if (!synced.ok) return synced;
  if (verified !== undefined && !verified.ok) return verified;
  if (verified !== undefined) return { ok: true, reason: 'ReadyToServe', message: 'The agent can be used.' };
  return { ok: true, reason: 'ReadyUnverified', message: 'The agent answers; who it is is not checked.' };
}

/** Stalled: no waiting helps, only a person; undefined otherwise. */
function stalledOutcome(...outcomes: readonly (Outcome<string> | undefined)[]): Outcome<string> | undefined {
  const cause = outcomes.find((outcome) => outcome !== undefined && Object.hasOwn(reasons.Stalled, outcome.reason));
  return cause && { ...cause, ok: true };
}
