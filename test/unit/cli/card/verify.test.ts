import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOf, cardOf, manifest, pathOf } from '../../agentcard/signature/vectors.ts';
import { anyone, cli, temporaryFile, trust } from '../cli.ts';

const reasons: Readonly<Record<string, string>> = {
  valid: 'SignatureValid',
  invalid: 'SignatureInvalid',
  missing: 'SignatureMissing',
  expired: 'SignatureExpired',
  untrusted: 'SignerUntrusted',
  'not-a-card': 'CardInvalid',
};
const good = pathOf('cards/alg-es384.json');

async function verdictOf(args: readonly string[], stdin: string | Uint8Array = '') {
  const { status, out, err } = await cli(['verify', ...args, ...trust, '-o', 'json'], stdin);
  expect(err).toBe(args.includes('--spiffe-id') ? '' : anyone);
  return { status, ...JSON.parse(out) };
}

test.each(manifest.vectors)('verify says of $name that it is $outcome', async ({ file, verified, outcome, form }) => {
  const verdict = await verdictOf([pathOf(file), '--spiffe-id', manifest.spiffeId]);
  expect(verdict).toMatchObject({ verified, status: verified ? 0 : 1, reason: reasons[outcome], form: form ?? null });
});

test('without a name verify says aloud that any workload of the trust domain would pass, and keeps its exit status', async () => {
  expect(await cli(['verify', good, ...trust])).toMatchObject({ status: 0, err: anyone });
  expect(await verdictOf([good])).toMatchObject({ status: 0, verified: true, identity: 'any' });
  const named = await verdictOf([good, '--spiffe-id', manifest.spiffeId]);
  expect(named).toMatchObject({ status: 0, verified: true, identity: manifest.spiffeId });
});

test('the JSON has the same members whatever the answer is', async () => {
  const members = [
    'verified',
    'reason',
    'message',
    'identity',
    'signer',
    'form',
    'algorithm',
    'keyId',
    'notAfter',
    'payloadSha256',
    'checks',
  ];
  for (const name of ['alg-es384', 'tamper-url', 'sig-none', 'json-bom']) {
    const { status: _, ...verdict } = await verdictOf([pathOf(`cards/${name}.json`)]);
    expect(Object.keys(verdict)).toEqual(members);
  }
});

test('a verified card says who signed what, until when', async () => {
  expect(await verdictOf([good])).toMatchObject({
    signer: manifest.spiffeId,
    form: 'raw-jcs',
    algorithm: 'ES384',
    notAfter: '2046-01-01T00:00:00.000Z',
    payloadSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
});

test('a card comes from standard input as well', async () => {
  expect(await verdictOf(['-'], bytesOf('cards/alg-es384.json'))).toMatchObject({ status: 0 });
});

test('another signer than the expected one is refused', async () => {
  const verdict = await verdictOf([good, '--spiffe-id', 'spiffe://example.org/ns/demo/sa/other']);
  expect(verdict).toMatchObject({ status: 1, verified: false, reason: 'SpiffeIDMismatch', signer: manifest.spiffeId });
  expect(verdict.checks).toContainEqual(expect.objectContaining({ name: 'signer-identity', result: 'fail' }));
});

test('--at asks about another moment', async () => {
  expect(await verdictOf([good, '--at', '2047-01-01T00:00:00Z'])).toMatchObject({
    status: 1,
    reason: 'SignatureExpired',
  });
  const expired = pathOf('cards/leaf-expired.json');
  expect(await verdictOf([expired, '--at', '2026-01-01T00:30:00+00:00'])).toMatchObject({ status: 0 });
});

test('a card over 1 MiB is refused, not cut', async () => {
  const card = JSON.stringify(cardOf('alg-es384'));
  const padded = card + ' '.repeat((1 << 20) - card.length);
  expect(await verdictOf(['-'], padded)).toMatchObject({ status: 0 });
  expect(await verdictOf(['-'], `${padded} `)).toMatchObject({ status: 1, reason: 'CardInvalid' });
});

test('a SPIFFE bundle does what a PEM bundle does', async () => {
  const x5c = [
    bytesOf('pki/root.pem')
      .toString()
      .replace(/-----[^-]+-----|\s/g, ''),
  ];
  const bundle = temporaryFile('bundle.json', JSON.stringify({ keys: [{ use: 'x509-svid', kty: 'EC', x5c }] }));
  const { status } = await cli(['verify', good, '--bundle', bundle, '--trust-domain', 'example.org']);
  expect(status).toBe(0);
});

test('an empty bundle trusts nobody', async () => {
  const bundle = temporaryFile('empty.json', JSON.stringify({ keys: [] }));
  const { status, out } = await cli(['verify', good, '--bundle', bundle, '--trust-domain', 'example.org']);
  expect(status).toBe(1);
  expect(out).toContain('SignerUntrusted');
});

test('text tells what to do', async () => {
  const text = async (...args: string[]) => (await cli(['verify', ...args, ...trust])).out;
  expect(await text(pathOf('cards/sig-none.json'))).toMatch(
    /^REFUSED SignatureMissing: .*\n[\s\S]*what to do: sign it with/,
  );
  expect(await text(pathOf('cards/canon-empties-sdk-clean.json'))).toContain(
    '--signature-forms raw-jcs,spec-8.4.1,sdk-clean',
  );
  expect(await text(pathOf('cards/tamper-url.json'))).toContain('what to do: fetch the card again');
  expect(await text(good)).toMatch(/^VERIFIED SignatureValid: signed by spiffe:/);
});

test('what a lossy form does not cover is named', async () => {
  const file = pathOf('cards/lossy-kagenti-interfaces.json');
  const { status, out } = await cli(['verify', file, ...trust, '--signature-forms', 'kagenti']);
  expect(status).toBe(0);
  expect(out).toContain('kagenti does not cover $.');
  expect(out).toContain('$.supportedInterfaces');
});

test.each([
  [['verify'], 'needs --bundle'],
  [['verify', good], 'needs --bundle'],
  [['verify', ...trust], 'needs <card.json|url|->'],
  [['verify', good, 'second', ...trust], 'unexpected argument "second"'],
  [['verify', good, ...trust, '--frobnicate'], "unknown option '--frobnicate'"],
  [['verify', good, ...trust, '--bundle', good], '--bundle is given twice'],
  [['verify', good, ...trust, '-o', 'json', '--output=text'], '--output is given twice'],
  [['verify', good, ...trust, '--at', 'yesterday'], 'no RFC 3339 time'],
  [['verify', good, ...trust, '--at', '2026-13-45T00:00:00Z'], 'no RFC 3339 time'],
  [['verify', good, ...trust, '--spiffe-id', 'example.org/x'], 'no SPIFFE ID'],
  [['verify', good, ...trust, '--signature-forms', 'best'], 'use raw-jcs, spec-8.4.1'],
  [['verify', good, ...trust, '-o', 'yaml'], 'one of text, json'],
  [['verify', good, '--bundle', good, '--trust-domain', 'example.org'], 'bundle'],
  [['verify', good, '--bundle', pathOf('pki/root.pem'), '--trust-domain', 'Example.org'], 'no trust domain'],
  [['verify', 'missing.json', ...trust], 'there is no such file'],
  [['verify', pathOf('cards'), ...trust], 'it is a directory'],
  [['verify', good, '--bundle', 'missing.pem', '--trust-domain', 'example.org'], 'there is no such file'],
])('%j is trouble, in one line that says why', async (args, why) => {
  const { status, out, err } = await cli(args);
  expect(status).toBe(2);
  expect(out).toBe('');
  expect(err).toMatch(/^error: [^\n]+\n$/);
  expect(err).toContain(why);
});

const noTrace = (text: string) => expect(text).not.toMatch(/^\s+at |internal error|\.ts:\d/m);

test('whatever bytes come in, the answer is 0, 1 or 2 and no trace', async () => {
  const original = bytesOf('cards/sig-bad-then-good.json');
  const mangled = fc
    .array(fc.tuple(fc.nat({ max: original.length - 1 }), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    })
    .map((changes) => {
      const bytes = Buffer.from(original);
      for (const [index, byte] of changes) bytes[index] = byte;
      return bytes;
    });
  const anything = fc.oneof(
    mangled,
    fc.uint8Array({ maxLength: 200 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.jsonValue().map((signatures) => Buffer.from(JSON.stringify({ name: 'x', version: '1', url: 'u', signatures }))),
  );
  await fc.assert(
    fc.asyncProperty(anything, fc.constantFrom('text', 'json'), async (bytes, format) => {
      const { status, out, err } = await cli(['verify', '-', ...trust, '-o', format], bytes);
      expect([0, 1]).toContain(status);
      expect(err).toBe(anyone);
      noTrace(out);
      if (format === 'json') expect(JSON.parse(out).verified).toBe(status === 0);
    }),
    { numRuns: 400 },
  );
});

test('whatever the command line is, the answer is 0, 1 or 2 and no trace', async () => {
  const word = fc.oneof(
    fc.constantFrom(
      'verify',
      'sign',
      'canonicalize',
      'diff',
      'help',
      '-',
      '--',
      '--bundle',
      '--at',
      '-o',
      'json',
      '--trust-domain',
    ),
    fc.constantFrom(
      '--help',
      '--key',
      '--chain',
      '--form',
      '--spiffe-id',
      '--signature-forms',
      'example.org',
      '',
      '\u0000',
      good,
    ),
    fc.constantFrom(...trust),
    fc.string({ maxLength: 8 }).filter((text) => !text.includes('/')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(word, { maxLength: 9 }), async (args) => {
      const { status, out, err } = await cli(args, '{}');
      expect([0, 1, 2]).toContain(status);
      noTrace(out + err);
    }),
    { numRuns: 600 },
  );
});

test('the program itself answers with its exit status', () => {
  const main = new URL('../../../../src/cli/main.ts', import.meta.url).pathname;
  const statusOf = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  expect(statusOf('verify', good, ...trust)).toMatchObject({ status: 0, stderr: anyone });
  expect(statusOf('verify', pathOf('cards/tamper-url.json'), ...trust)).toMatchObject({ status: 1, stderr: anyone });
  expect(statusOf('frobnicate')).toMatchObject({ status: 2, stdout: '' });
});
