import { canonicalForms, defaultForms, parseForms } from '@agentcard-operator/agentcard';
import {
  type BundleSet,
  parseBundle,
  parseSpiffeId,
  parseTrustDomain,
  type Result,
} from '@agentcard-operator/spiffe/x509';
import { type Command, choice, exit, type Invocation, type Io, outputIn, Trouble } from '../command.ts';
import { jsonText, painted } from '../screen.ts';
import { readCard, readTextFile } from './input.ts';
import { judge, type Question, type Verdict } from './verdict.ts';

const bundleBytes = 4 << 20;

export const verify: Command = {
  name: 'verify',
  summary: 'Say whether a card is signed by a workload that a trust bundle vouches for',
  operands: ['<card.json|url|->'],
  options: {
    bundle: { value: '<file>', doc: 'trust bundle of the trust domain, PEM or SPIFFE JSON', required: true },
    'trust-domain': { value: '<name>', doc: 'trust domain that the bundle belongs to', required: true },
    'spiffe-id': { value: '<id>', doc: 'who must have signed; any workload of the trust domain when left out' },
    'signature-forms': {
      value: '<list>',
      doc: `canonical forms to try, of ${canonicalForms.map(({ name }) => name).join(', ')} (default ${defaultForms.map(({ name }) => name).join()})`,
    },
    at: { value: '<time>', doc: 'moment to judge at, RFC 3339 (default now)' },
    output: outputIn(['text', 'json']),
  },
  notes: [
    'Exit status: 0 verified, 1 refused, 2 wrong usage or unreadable input.',
    'A URL without a path means its /.well-known/agent-card.json, or where that answers 404 its /.well-known/agent.json.',
    'Redirects are not followed.',
  ],
  examples: [
    'verify card.json --bundle bundle.pem --trust-domain example.org',
    'verify http://localhost:8080 --bundle bundle.json --trust-domain example.org --spiffe-id spiffe://example.org/ns/team/sa/agent',
    'verify - --bundle bundle.pem --trust-domain example.org -o json < card.json',
  ],
  run: async (invocation, io) => {
    const output = choice(invocation, 'output', ['text', 'json']);
    const question = await readQuestion(invocation, io);
    const verdict = await judge(await readCard(invocation.operands[0] ?? '', io), question);
    if (verdict.identity === 'any')
      io.err(`warning: any workload of ${invocation.option('trust-domain')} would pass; name the one by --spiffe-id\n`);
    io.out(output === 'json' ? jsonText(verdict) : painted(describe(verdict), io.color));
    return verdict.verified ? exit.ok : exit.refused;
  },
};

async function readQuestion(invocation: Invocation, io: Io): Promise<Question> {
  const spiffeId = invocation.option('spiffe-id');
  const forms = invocation.option('signature-forms');
  return {
    bundles: await readBundles(invocation),
    forms: forms === undefined ? defaultForms : orTrouble('--signature-forms', parseForms(forms)),
    now: readTime(invocation.option('at')) ?? io.now(),
    ...(spiffeId === undefined ? {} : { expected: orTrouble('--spiffe-id', parseSpiffeId(spiffeId)) }),
  };
}

async function readBundles(invocation: Invocation): Promise<BundleSet> {
  const trustDomain = orTrouble('--trust-domain', parseTrustDomain(invocation.option('trust-domain') ?? ''));
  const path = invocation.option('bundle') ?? '';
  const bundle = orTrouble(`--bundle ${path}`, parseBundle(trustDomain, await readTextFile(path, bundleBytes)));
  return new Map([[trustDomain, bundle]]);
}

function orTrouble<T>(what: string, result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Trouble(`${what}: ${result.error.message}`);
}

function readTime(text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const isRfc3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text);
  const time = new Date(isRfc3339 ? text.toUpperCase() : Number.NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw new Trouble(`--at: "${text}" is no RFC 3339 time, such as 2026-11-24T09:30:00Z`);
}

function describe({ verified, reason, message, checks }: Verdict): string {
  const lines = [`${verified ? 'VERIFIED' : 'REFUSED'} ${reason}: ${message}`];
  const width = Math.max(...checks.map(({ name }) => name.length));
  for (const { name, result, expected, observed, hint } of checks) {
    lines.push(`  ${result.padEnd(7)} ${name.padEnd(width)}  ${observed}`);
    if (result === 'fail' && expected !== undefined) lines.push(`          ${' '.repeat(width)}  expected ${expected}`);
    if (hint !== undefined) lines.push(`          ${' '.repeat(width)}  what to do: ${hint}`);
  }
  return `${lines.join('\n')}\n`;
}
