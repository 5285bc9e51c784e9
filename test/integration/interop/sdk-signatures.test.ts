import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { generateAgentCardSignature, verifyAgentCardSignature } from '@a2a-js/sdk';
import { beforeAll, expect, test, vi } from 'vitest';
import type { JsonObject } from '../../../src/agentcard/document/json.ts';
import { canonicalForms } from '../../../src/agentcard/forms/forms.ts';
import { signCard } from '../../../src/agentcard/signature/sign.ts';
import { verifyCard } from '../../../src/agentcard/signature/verify.ts';
import type { TrustDomain } from '../../../src/spiffe/id.ts';
import { bundle, intermediate, keyPemOf, pemOf, root, svid } from '../../pki/mint.ts';
import { cli, temporaryFile } from '../../unit/cli/cli.ts';
import { cards } from './cards.ts';
import { type PythonSdk, pythonSdks } from './python-sdk.ts';

const authority = root('a.test');
const between = intermediate(authority, 'a.test');
const leaf = svid(between, 'spiffe://a.test/ns/demo/sa/weather');
const bundles = new Map([['a.test' as TrustDomain, bundle('a.test', authority)]]);
const publicKey = createPublicKey(leaf.privateKey);
const publicPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
const x5c = [leaf, between].map(({ der }) => der.toString('base64'));
const header = { alg: 'ES256', kid: 'weather', typ: 'JOSE', x5c };

type SdkCard = Parameters<ReturnType<typeof verifyAgentCardSignature>>[0];
const names = Object.keys(cards);
const originals = Object.values(cards);
const wire = (card: unknown): JsonObject => JSON.parse(JSON.stringify(card));

const judge = (card: JsonObject) => verifyCard({ card, bundles, now: new Date(), forms: canonicalForms });

/** The form in which we verify a card, or why we do not. */
async function formHere(card: JsonObject): Promise<string> {
  const { good, outcome } = await judge(card);
  return good?.form ?? outcome;
}

async function signedByUs(card: JsonObject): Promise<JsonObject> {
  const signed = await signCard(card, { key: leaf.privateKey, chain: [leaf.der, between.der] });
  if (!signed.ok) throw new Error(signed.error.message);
  return wire(signed.value);
}

async function signedByJs(card: JsonObject): Promise<JsonObject> {
  return wire(await generateAgentCardSignature(leaf.privateKey, header)(wire(card) as unknown as SdkCard));
}

async function verifiesInJs(card: JsonObject): Promise<string> {
  const verifier = verifyAgentCardSignature(async () => publicKey);
  return verifier(wire(card) as unknown as SdkCard).then(
    () => 'yes',
    () => 'no',
  );
}

const signByPython = (sdk: PythonSdk) =>
  sdk(originals.map((card) => ({ do: 'sign', card, key: keyPemOf(leaf), header }))) as readonly JsonObject[];
const verifyInPython = (sdk: PythonSdk, signed: readonly JsonObject[]) =>
  sdk(signed.map((card) => ({ do: 'verify', card, key: publicPem, algorithm: 'ES256' }))).map((answer) =>
    answer === true ? 'yes' : 'no',
  );

let python: Awaited<ReturnType<typeof pythonSdks>>;
beforeAll(async () => {
  // The JavaScript SDK prints every signature that it refuses.
  vi.spyOn(console, 'debug').mockImplementation(() => {});
  python = await pythonSdks();
}, 600_000);

const versionOf = async () => {
  const [js, current, older] = await Promise.all([
    readFile('node_modules/@a2a-js/sdk/package.json', 'utf8').then((text) => JSON.parse(text).version),
    ...['requirements.txt', 'requirements-older.txt'].map(
      async (file) => /^a2a-sdk==([\d.]+)/m.exec(await readFile(new URL(file, import.meta.url), 'utf8'))?.[1],
    ),
  ]);
  return { js: `\`@a2a-js/sdk\` ${js}`, current: `\`a2a-sdk\` ${current}`, older: `\`a2a-sdk\` ${older}` };
};

function table(head: readonly string[], columns: readonly (readonly string[])[]): string {
  const rows = names.map((name, index) => [name, ...columns.map((column) => column[index] ?? '')]);
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |\n`).join('');
}

test('the table says which signatures hold between toolchains, and in which form', async () => {
  const { js, current, older } = await versionOf();
  const signed = [
    await Promise.all(originals.map(signedByJs)),
    signByPython(python.current),
    signByPython(python.older),
  ];
  const foreign = await Promise.all(signed.map((column) => Promise.all(column.map(formHere))));
  const ours = await Promise.all(originals.map(signedByUs));
  const abroad = [
    await Promise.all(ours.map(verifiesInJs)),
    verifyInPython(python.current, ours),
    verifyInPython(python.older, ours),
  ];
  const text = `${table(['Signed by …, verifies here as', js, current, older], foreign)}
${table(['Signed here, verifies in …', js, current, older], abroad)}`;
  await expect(text).toMatchFileSnapshot('golden/table.md');
});

test('a card that was changed after signing verifies nowhere', async () => {
  const [card = {}] = originals;
  const [byPython = {}] = signByPython(python.current);
  const signed = [await signedByUs(card), await signedByJs(card), byPython];
  const forged = signed.map((each) => ({ ...each, name: 'Other' }));
  expect(await Promise.all(forged.map(formHere))).toEqual(['invalid', 'invalid', 'invalid']);
  expect(await Promise.all(forged.map(verifiesInJs))).toEqual(['no', 'no', 'no']);
  expect(verifyInPython(python.current, forged)).toEqual(['no', 'no', 'no']);
});

test('of a card whose toolchain leaves a field unsigned, that field is not published', async () => {
  const signed = await signedByJs(cards['an unknown field'] ?? {});
  expect(Object.keys(signed)).toContain('x-vendor');
  const { good, payloads } = await judge(signed);
  const payload = JSON.parse(payloads.get(good?.payloadSha256 ?? '') ?? '{}');
  expect(payload).toMatchObject({ name: 'Weather' });
  expect(payload).not.toHaveProperty('x-vendor');
});

test('the command line names the form of a signature that it does not take, and takes it when told', async () => {
  const signed = JSON.stringify(await signedByJs(cards['empty REQUIRED fields'] ?? {}));
  const file = temporaryFile('bundle.pem', pemOf(authority));
  const verify = ['verify', '-', '--bundle', file, '--trust-domain', 'a.test', '--at', new Date().toISOString()];
  expect(await cli(verify, signed)).toMatchObject({ status: 1, out: expect.stringContaining('the form sdk-clean') });
  expect(await cli([...verify, '--signature-forms', 'sdk-clean'], signed)).toMatchObject({ status: 0 });
});
