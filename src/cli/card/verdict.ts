import type { CardDocument, JsonObject } from '@agentcard-operator/agentcard';
import {
  canonicalForms,
  diffCards,
  type GoodSignature,
  type SignatureEvidence,
  type SignatureInput,
  type VerifiedCard,
  verifyCard,
} from '@agentcard-operator/agentcard';
import type { Result, SpiffeId } from '@agentcard-operator/spiffe/x509';

export interface Question extends Omit<SignatureInput, 'card'> {
  readonly expected?: SpiffeId;
}

export interface Check {
  readonly name: string;
  readonly result: 'pass' | 'fail' | 'unknown' | 'skipped';
  readonly expected?: string;
  readonly observed: string;
  readonly hint?: string;
}

/** What `verify -o json` prints; null where nothing is known. Times are RFC 3339, hashes lowercase hex. */
export interface Verdict {
  readonly verified: boolean;
  readonly reason: string;
  readonly message: string;
  /** Who must have signed; `any` workload of the trust domain where nobody is named. */
  readonly identity: string;
  readonly signer: string | null;
  readonly form: string | null;
  readonly algorithm: string | null;
  readonly keyId: string | null;
  readonly notAfter: string | null;
  readonly payloadSha256: string | null;
  readonly checks: readonly Check[];
}

const reasons = {
  valid: 'SignatureValid',
  invalid: 'SignatureInvalid',
  missing: 'SignatureMissing',
  expired: 'SignatureExpired',
  untrusted: 'SignerUntrusted',
} as const;

export async function judge(card: Result<CardDocument>, question: Question): Promise<Verdict> {
  const { verified, reason, message, ...rest } = await found(card, question);
  return { verified, reason, message, identity: question.expected?.uri ?? 'any', ...rest };
}

async function found(card: Result<CardDocument>, question: Question): Promise<Omit<Verdict, 'identity'>> {
  if (!card.ok) {
    const { code, message } = card.error;
    const check: Check = {
      name: 'card',
      result: 'fail',
      observed: code,
      hint: 'serve an AgentCard of A2A 1.x or 0.x as UTF-8 JSON',
    };
    return { verified: false, reason: 'CardInvalid', message, ...nothingKnown, checks: [check] };
  }
  const { raw, view } = card.value;
  const evidence = await verifyCard({ ...question, card: raw });
  const good = preferred(evidence, question.expected);
  const identity = identityCheck(good, question.expected);
  const checks: readonly Check[] = [
    { name: 'card', result: 'pass', observed: `A2A ${view.shape}` },
    ...(await signatureChecks(evidence, raw, question)),
    identity,
    ...(good === undefined ? [] : [coverageCheck(good, raw, evidence)]),
  ];
  if (identity.result === 'fail' && good !== undefined) {
    const message = `signed by ${good.signer.uri}, not by ${question.expected?.uri}`;
    return { verified: false, reason: 'SpiffeIDMismatch', message, ...known(evidence, good), checks };
  }
  const message = good?.message ?? evidence.message;
  return { verified: good !== undefined, reason: reasons[evidence.outcome], message, ...known(evidence, good), checks };
}

const nothingKnown = {
  signer: null,
  form: null,
  algorithm: null,
  keyId: null,
  notAfter: null,
  payloadSha256: null,
} as const;

/** Of several good signatures, the one by the expected signer. */
function preferred({ signatures, good }: SignatureEvidence, expected: SpiffeId | undefined): GoodSignature | undefined {
  const isExpected = (signature: (typeof signatures)[number]): signature is GoodSignature =>
    signature.outcome === 'valid' && signature.signer.uri === expected?.uri;
  return signatures.find(isExpected) ?? good;
}

function known(evidence: SignatureEvidence, good: GoodSignature | undefined) {
  const told = good ?? decisive(evidence);
  return {
    signer: told?.signer?.uri ?? null,
    form: good?.form ?? null,
    algorithm: told?.algorithm ?? null,
    keyId: told?.keyId ?? null,
    notAfter: told?.notAfter?.toISOString() ?? null,
    payloadSha256: good?.payloadSha256 ?? null,
  };
}

async function signatureChecks(
  evidence: SignatureEvidence,
  raw: JsonObject,
  question: Question,
): Promise<readonly Check[]> {
  const { outcome, signatures } = evidence;
  const overall: Check = {
    name: 'signature',
    result: outcome === 'valid' ? 'pass' : outcome === 'invalid' ? 'fail' : 'unknown',
    observed: decisive(evidence)?.code ?? reasons[outcome],
    ...(outcome === 'valid' ? {} : { hint: await hintFor(evidence, raw, question) }),
  };
  if (signatures.length < 2) return [overall];
  const each = signatures.map(({ outcome: result, code, message }, index): Check => {
    return {
      name: `signature[${index}]`,
      result: result === 'valid' ? 'pass' : 'fail',
      observed: `${code}: ${message}`,
    };
  });
  return [overall, ...each];
}

function decisive({ outcome, signatures }: SignatureEvidence): SignatureEvidence['signatures'][number] | undefined {
  return signatures.find((signature) => signature.outcome === outcome);
}

function identityCheck(good: GoodSignature | undefined, expected: SpiffeId | undefined): Check {
  const name = 'signer-identity';
  if (expected === undefined)
    return { name, result: 'skipped', observed: 'no --spiffe-id was given: any workload of the trust domain will do' };
  if (good === undefined) return { name, result: 'unknown', expected: expected.uri, observed: 'no signer is proven' };
  const sides = { expected: expected.uri, observed: good.signer.uri };
  if (good.signer.uri === expected.uri) return { name, result: 'pass', ...sides };
  return {
    name,
    result: 'fail',
    ...sides,
    hint: 'find out why this workload signed the card; if it should, expect its ID',
  };
}

function coverageCheck(good: GoodSignature, raw: JsonObject, { payloads }: VerifiedCard): Check {
  const name = 'coverage';
  if (good.coverage === 'full') return { name, result: 'pass', observed: `${good.form} covers the whole card` };
  const payload: JsonObject = JSON.parse(payloads.get(good.payloadSha256) ?? '{}');
  const unsigned = diffCards(payload, raw).map(({ path }) => path);
  const list = unsigned.length === 0 ? 'nothing in this card' : unsigned.slice(0, 10).join(', ');
  const hint = 'rely only on what is signed; a toolchain that signs raw-jcs covers everything';
  return { name, result: 'unknown', observed: `${good.form} does not cover ${list}`, hint };
}

async function hintFor(evidence: SignatureEvidence, raw: JsonObject, question: Question): Promise<string> {
  if (evidence.outcome === 'missing')
    return 'sign it with kubectl agentcard sign, or run agentcard-signer beside the agent';
  if (evidence.outcome === 'expired') return 'sign the card again; --at answers whether it was good at an earlier time';
  const code = decisive(evidence)?.code ?? '';
  if (code === 'SignatureMismatch') return mismatchHint(raw, question);
  return hints[code] ?? 'sign the card again with the X509-SVID of its workload';
}

const hints: Readonly<Record<string, string>> = {
  PathNotFound: 'check that --bundle is the current bundle of --trust-domain and that x5c holds every intermediate',
  TrustDomainUnknown: 'give the bundle and the name of the trust domain that the signer belongs to',
  NoCertificate: 'sign with an X509-SVID and put its chain into x5c; a bare key cannot be tied to a workload',
  CertificateNotYetValid: 'compare the clocks of the signer and of this machine',
  ClockSkew: 'compare the clocks of the signer and of this machine',
};

/** A signature that fits another form is no forgery: say which, so that somebody can decide. */
async function mismatchHint(raw: JsonObject, question: Question): Promise<string> {
  const { good } = await verifyCard({ ...question, card: raw, forms: canonicalForms });
  if (good === undefined) return 'fetch the card again from its origin, or let its workload sign it again';
  const forms = [...question.forms.map(({ name }) => name), good.form].join();
  return `it is signed over the form ${good.form} (coverage: ${good.coverage}); to accept that, pass --signature-forms ${forms}`;
}
