import { spawn } from 'node:child_process';
import { createPublicKey, generateKeyPairSync, getCurves, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import {
  alternativeNames,
  authority,
  basicConstraints,
  extendedKeyUsage,
  ipv4,
  keyPemOf,
  keyUsage,
  type Minted,
  mint,
  name,
  pemOf,
  type Recipe,
  root,
  svid,
  uri,
} from '../../pki/mint.ts';
import { agentId, domainA, rootA } from '../spiffe/tls/peers.ts';
import type { Job, Shown } from './tls-child.ts';

interface Hostile {
  readonly label: string;
  readonly chain: readonly [Minted, ...Minted[]];
  readonly authorities: readonly Minted[];
}

/** For every end: a SPIFFE ID for agents, an address for the others. */
const leafOf = (issuer: Minted, privateKey?: KeyObject): Minted =>
  mint({
    issuer,
    subject: name({ O: 'SPIRE' }),
    extensions: [
      basicConstraints(false),
      keyUsage(['digitalSignature']),
      extendedKeyUsage('serverAuth', 'clientAuth'),
      alternativeNames([uri(agentId), ipv4('127.0.0.1')]),
    ],
    ...(privateKey ? { privateKey } : {}),
  });

/** Every kind of key that this OpenSSL makes; the curves with a NIST name are among them. */
function keysOfEveryKind(): Map<string, KeyObject> {
  const keys = new Map<string, KeyObject>();
  const make = (label: string, generate: () => { privateKey: KeyObject }): void => {
    try {
      const { privateKey } = generate();
      createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
      keys.set(label, privateKey);
    } catch {
      // Some curves are listed and cannot be made, or not be written down.
    }
  };
  for (const namedCurve of getCurves()) {
    make(namedCurve, () => generateKeyPairSync('ec', { namedCurve }));
    make(`${namedCurve}, written out`, () => generateKeyPairSync('ec', { namedCurve, paramEncoding: 'explicit' }));
  }
  for (const publicExponent of [3, 5, 17, 257, 65_539, 2 ** 31 - 1]) {
    make(`RSA, exponent ${publicExponent}`, () => generateKeyPairSync('rsa', { modulusLength: 1024, publicExponent }));
  }
  make('RSASSA-PSS', () => generateKeyPairSync('rsa-pss', { modulusLength: 2048, hashAlgorithm: 'sha256' }));
  make('DSA', () => generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }));
  const others = [
    'ed25519',
    'ed448',
    'x25519',
    'x448',
    'ml-dsa-44',
    'ml-dsa-65',
    'ml-dsa-87',
    'ml-kem-768',
    'slh-dsa-sha2-128f',
  ];
  for (const kind of others) make(kind, () => generateKeyPairSync(kind as 'ed25519'));
  return keys;
}

const allowed = /^(prime256v1|secp384r1|secp521r1|ed25519|ed448)$/;
const keys = keysOfEveryKind();
/** A self-signed one where the key can sign at all. */
function attempt(label: string, making: Omit<Recipe, 'issuer'>): Minted | undefined {
  try {
    return label.startsWith('RSASSA') ? undefined : mint(making);
  } catch {
    return undefined;
  }
}

const named = (label: string) => ({ subject: name({ CN: label }), extensions: authority(domainA) });
const certified = (of: Minted, issuer: Minted): Minted =>
  mint({ extensions: authority(domainA), subject: of.subject, privateKey: of.privateKey, keyId: of.keyId, issuer });

const besides: Hostile[] = [...keys].map(([label, privateKey]) => {
  const making = { subject: rootA.subject, keyId: rootA.keyId, extensions: authority(domainA), privateKey };
  const lookAlike = attempt(label, making) ?? mint({ ...making, issuer: rootA });
  return { label: `a look-alike of the issuer: ${label}`, chain: [leafOf(rootA), lookAlike], authorities: [rootA] };
});
const authorities: Hostile[] = [...keys].flatMap(([label, privateKey]) => {
  const made = attempt(label, { ...named(label), privateKey });
  return made ? [{ label: `an authority: ${label}`, chain: [leafOf(made)], authorities: [made, rootA] }] : [];
});

const [one, two] = [root(domainA, named('one')), root(domainA, named('two'))];
const crossed = [one, two, certified(one, two), certified(two, one)];
const circles: Hostile[] = subsets(crossed).flatMap((some, index) => [
  { label: `a circle ${index}`, chain: [leafOf(one)], authorities: [...some, rootA] },
  { label: `a way into a circle ${index}`, chain: [leafOf(one), ...crossed.slice(2), ...some], authorities: [rootA] },
]);

/** Every choice of them in every order. */
function subsets<T>(items: readonly T[]): T[][] {
  return [
    [],
    ...items.flatMap((item) => subsets(items.filter((other) => other !== item)).map((rest) => [item, ...rest])),
  ];
}

const ends = ['the dial of an agent', 'a call to the API server', 'the download of a card', 'the server of an agent'];

test.each(ends)(
  '%s neither ends nor hangs by any kind of key, or by authorities that certify each other',
  async (end) => {
    const hostile = [...besides, ...authorities, ...circles];
    expect(hostile.length).toBeGreaterThan(300);
    const { said, ended } = await inItsOwnProcess(end, hostile);
    expect(ended, `after ${[...said.keys()].at(-1)}`).toEqual([0, null]);
    expect([...said.keys()]).toEqual(hostile.map(({ label }) => label));
    if (end === 'the dial of an agent') {
      for (const { label } of authorities) {
        const isAllowed = allowed.test(label.slice('an authority: '.length));
        expect(said.get(label), label).toMatch(isAllowed ? agentId : /^(PeerCertificateInvalid|HandshakeFailed)$/);
      }
      for (const { label, authorities: known } of circles) {
        const vouched = known.some(({ privateKey }) => privateKey === one.privateKey);
        expect(said.get(label), label).toBe(vouched ? agentId : 'PeerCertificateInvalid');
      }
    } else expect(new Set(said.values()).size, 'not all the same').toBeGreaterThan(1);
  },
);

async function inItsOwnProcess(end: string, hostile: readonly Hostile[]) {
  const folder = mkdtempSync(join(tmpdir(), 'tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'authorities.pem');
  writeFileSync(file, hostile.map((each) => pemOf(...each.authorities)).join(''));
  const own = svid(rootA, 'spiffe://a.test/ns/sys/sa/operator');
  const shown: Shown[] = hostile.map(({ label, chain, authorities: known }) => {
    return { label, chainPem: pemOf(...chain), keyPem: keyPemOf(chain[0]), pems: known.map((each) => pemOf(each)) };
  });
  const child = spawn(process.execPath, [join(import.meta.dirname, 'tls-child.ts')], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: file, NODE_NO_WARNINGS: '1' },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 50_000,
    killSignal: 'SIGKILL',
  });
  const job: Job = { end, own: { chainPem: pemOf(own), keyPem: keyPemOf(own) }, shown };
  child.stdin.on('error', () => undefined).end(JSON.stringify(job));
  const [output, ended] = await Promise.all([text(child.stdout), once(child, 'close')]);
  const lines = output.split('\n').filter((line) => line.endsWith(']'));
  return { said: new Map<string, unknown>(lines.map((line) => JSON.parse(line))), ended };
}
