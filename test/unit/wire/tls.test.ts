import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Transport } from '../../../src/kube/client/transport.ts';
import { connectTls, createTlsServer } from '../../../src/wire/tls.ts';
import {
  alternativeNames,
  authority,
  basicConstraints,
  dns,
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
import { agentId, agentSvid, answer, domainA, https, listen, rootA, tlsOptions } from '../spiffe/tls/peers.ts';

const certified = (subject: string, of: Minted, issuer: Minted): Minted =>
  mint({
    subject: name({ CN: subject }),
    extensions: authority(domainA),
    privateKey: of.privateKey,
    keyId: of.keyId,
    issuer,
  });
const serverNames = (...names: readonly Buffer[]): readonly Buffer[] => [
  basicConstraints(false),
  keyUsage(['digitalSignature']),
  extendedKeyUsage('serverAuth', 'clientAuth'),
  ...(names.length > 0 ? [alternativeNames(names)] : []),
];
/** For every client: a SPIFFE ID for the dial, an address for the others. */
const leafOf = (issuer: Minted): Minted =>
  mint({ issuer, subject: name({ O: 'SPIRE' }), extensions: serverNames(uri(agentId), ipv4('127.0.0.1')) });

const lookAlike = (recipe: Partial<Recipe>): Minted =>
  mint({ subject: rootA.subject, keyId: rootA.keyId, extensions: authority(domainA), ...recipe });
const brainpool = root(domainA, { key: 'brainpoolP256r1' });
const [one, two] = [root(domainA, { subject: name({ CN: 'one' }) }), root(domainA, { subject: name({ CN: 'two' }) })];
const crossed = [certified('one', one, two), certified('two', two, one)];

interface Hostile {
  readonly chain: readonly Minted[];
  readonly authorities: readonly Minted[];
  readonly dialled: string;
}

const hostile: readonly (readonly [string, Hostile])[] = [
  [
    'a look-alike of the issuer on secp256k1',
    {
      chain: [leafOf(rootA), lookAlike({ key: 'secp256k1' })],
      authorities: [rootA],
      dialled: 'PeerCertificateInvalid',
    },
  ],
  [
    'an authority on a brainpool curve',
    { chain: [leafOf(brainpool)], authorities: [brainpool], dialled: 'PeerCertificateInvalid' },
  ],
  [
    'a way into authorities that certify each other',
    {
      chain: [leafOf(rootA), lookAlike({ issuer: one })],
      authorities: [rootA, ...crossed, one, two],
      dialled: agentId,
    },
  ],
];
const clients = [
  ['the dial of an agent', undefined],
  ['a call to the API server', 200],
  ['the download of a card', 'CardInvalid'],
] as const;

describe.each(clients)('%s', (client, answered) => {
  test.each(hostile)('neither ends the process nor stops it over %s', async (_what, { dialled, ...peer }) => {
    expect(await inItsOwnProcess(client, peer)).toEqual({ said: answered ?? dialled, status: 0, signal: null });
  });
});

test('the dial of an agent ends where only authorities that certify each other are known', async () => {
  const ended = { said: agentId, status: 0, signal: null };
  for (const authorities of [crossed, [...crossed, one, two], [one, two, ...crossed]]) {
    expect(await inItsOwnProcess('the dial of an agent', { chain: [leafOf(one)], authorities })).toEqual(ended);
  }
});

async function inItsOwnProcess(client: string, { chain, authorities }: Omit<Hostile, 'dialled'>): Promise<object> {
  const folder = mkdtempSync(join(tmpdir(), 'tls-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'authorities.pem');
  writeFileSync(file, pemOf(...authorities));
  const own = svid(rootA, 'spiffe://a.test/ns/sys/sa/operator');
  const { requestCert: _nobody, ...options } = tlsOptions(chain);
  const port = await https(answer, options);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'tls-child.ts')], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: file },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 40_000,
    killSignal: 'SIGKILL',
  });
  const pems = authorities.map((each) => pemOf(each));
  child.stdin.end(JSON.stringify({ client, port, pems, chainPem: pemOf(own), keyPem: keyPemOf(own) }));
  const [output, [status, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { said: output === '' ? undefined : JSON.parse(output), status, signal };
}

describe('the name of an API server', () => {
  const byCommonName = name({ CN: 'localhost' });
  test.each<[string, string, Buffer[], Buffer, string | undefined, 'taken' | 'refused']>([
    ['that its certificate holds', 'localhost', [dns('localhost')], name({}), undefined, 'taken'],
    ['that a wildcard holds', 'localhost', [dns('*.cluster.test')], name({}), 'api.cluster.test', 'taken'],
    ['that a wildcard does not reach', 'localhost', [dns('*.test')], name({}), 'api.cluster.test', 'refused'],
    ['that its certificate lacks', 'localhost', [dns('api.test'), ipv4('127.0.0.1')], name({}), undefined, 'refused'],
    ['that tls-server-name replaces', 'localhost', [dns('api.test')], name({}), 'api.test', 'taken'],
    ['that tls-server-name forbids', 'localhost', [dns('localhost')], name({}), 'api.test', 'refused'],
    ['that is an address of its certificate', '127.0.0.1', [ipv4('127.0.0.1')], name({}), undefined, 'taken'],
    ['that is another address', '127.0.0.1', [ipv4('127.0.0.2'), dns('127.0.0.1')], name({}), undefined, 'refused'],
    ['beside a common name', 'localhost', [dns('api.test')], byCommonName, undefined, 'refused'],
    ['that only the common name is', 'localhost', [], byCommonName, undefined, 'refused'],
  ])('%s: %s', async (_what, host, names, subject, servername, verdict) => {
    const leaf = mint({ issuer: rootA, subject, extensions: serverNames(...names) });
    const { requestCert: _none, ...options } = tlsOptions([leaf]);
    const port = await https(answer, options);
    const tls = () => ({ ca: pemOf(rootA), ...(servername === undefined ? {} : { servername }) });
    const server = new URL(`https://${host}:${port}`);
    const transport = new Transport({ server, headers: () => ({}), tls, invalidate: () => undefined }, 'test');
    onTestFinished(() => transport.close());
    const asked = transport.send({ method: 'GET', path: '/' }).then(
      () => 'taken',
      ({ message }: Error) => (message.includes("does not match certificate's altnames") ? 'refused' : message),
    );
    expect(await asked).toBe(verdict);
  });
});

test('either end of a connection tells of the other no more than the names of its leaf', async () => {
  const named = mint({ issuer: rootA, extensions: serverNames(uri(agentId), dns('agent.test'), ipv4('127.0.0.1')) });
  const names = 'URI:spiffe://a.test/ns/team1/sa/agent, DNS:agent.test, IP Address:127.0.0.1';
  const seen: unknown[] = [];
  const options: ServerOptions = { ...tlsOptions([named]), rejectUnauthorized: true };
  const server = createTlsServer(options, (_request, response) => response.end());
  server.on('secureConnection', (socket) => seen.push(socket.getPeerCertificate(true)));
  const port = await listen(server);
  const own = { cert: pemOf(agentSvid), key: keyPemOf(agentSvid), ca: pemOf(rootA) };
  const socket = connectTls({ host: '127.0.0.1', port, servername: '', ...own });
  onTestFinished(() => void socket.destroy());
  await Promise.all([once(socket, 'secureConnect'), once(server, 'secureConnection')]);
  expect(socket.authorized).toBe(true);
  expect(socket.getPeerCertificate(true)).toEqual({ subjectaltname: names });
  expect(seen).toEqual([{ subjectaltname: `URI:${agentId}` }]);
});
