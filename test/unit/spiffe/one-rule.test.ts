import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { signerOf } from '../../../src/agentcard/signature/x5c.ts';
import { type PathRole, verifyPeer } from '../../../src/spiffe/x509/path.ts';
import { workloadTls } from '../../../src/wire/tls.ts';
import { identityOf, uncheckedBundle } from '../../pki/identity.ts';
import { keyPemOf, pemOf, svid } from '../../pki/mint.ts';
import { mintChain, type RandomChain, randomChain } from '../../pki/random-chains.ts';
import { agentId, ask, domainA, identity, rootA } from './tls/peers.ts';

/** `make certificates` tries 10,000. */
const numRuns = Number(process.env.CERTIFICATE_CHAINS ?? 60);
/** Why we may say no where OpenSSL says yes. */
const stricter = [
  'a chain has at most 8 certificates',
  'which is not evaluated here',
  'is of a kind that is not compared here',
  'a certificate beside the leaf is no CA',
  'an issuer may not sign certificates',
  'the path is longer than a CA allows',
  'share a name, and no key identifier tells them apart',
  'no authority of the trust bundle signed the chain',
  // Beside the path, where OpenSSL does not look.
  'appears twice',
  'is malformed',
];

test(
  'of any chain TLS, the stored chain and the signature say the same, and yes only where OpenSSL says yes',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'one-rule-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const seen = { ok: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(randomChain, async (making) => {
        const made = mintChain(making);
        const own = (role: PathRole) => verifyPeer({ ...inputOf(made), now: new Date(), role });
        const server = own('server');
        const told = server.ok ? 'yes' : server.error.message;
        const { openssl, product } = await overTls(made);
        expect(product.startsWith('yes'), product).toBe(server.ok);
        expect(product, 'over TLS').toContain(told);
        if (server.ok) expect(openssl, 'OpenSSL in a handshake').toBe('yes');
        else if (openssl === 'yes') {
          expect(
            stricter.filter((reason) => told.includes(reason)),
            told,
          ).not.toEqual([]);
        }
        for (const [role, purpose] of [
          ['server', 'sslserver'],
          ['client', 'sslclient'],
          ['signer', 'any'],
        ] as const) {
          const ours = own(role);
          if (ours.ok)
            expect(await opensslVerify(folder, made, purpose), `openssl verify -purpose ${purpose}`).toBe('yes');
        }
        const { chain, bundle } = inputOf(made);
        const signer = signerOf(chain, { bundles: new Map([[domainA, bundle]]), now: new Date() });
        const signs = own('signer');
        if (signer.ok) expect(signs.ok).toBe(signer.value.validNow);
        else if (signs.ok) expect(signer.error.code, 'the only rule that x5c adds').toBe('UnrelatedCertificate');
        seen[server.ok ? 'ok' : 'refused']++;
      }),
      { numRuns },
    );
    expect(Math.min(seen.ok, seen.refused), 'of either kind').toBeGreaterThan(numRuns / 60);
  },
  30_000 + numRuns * 200,
);

function inputOf({ chain: [leaf, ...others], authorities }: RandomChain) {
  const chain = [leaf.der, ...others.map(({ der }) => der)] as const;
  return { chain, bundle: uncheckedBundle(domainA, authorities) };
}

async function overTls(made: RandomChain): Promise<{ openssl: string; product: string }> {
  const { bundle } = inputOf(made);
  const [leaf] = made.chain;
  const server = createServer(
    { cert: pemOf(...made.chain), key: keyPemOf(leaf), ciphers: 'DEFAULT@SECLEVEL=0' },
    (_, answer) => answer.end(),
  );
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  try {
    const openssl = await new Promise<string>((told) => {
      const options = {
        ...workloadTls,
        ca: [...bundle.pems],
        allowPartialTrustChain: true,
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
      };
      const socket = connect({ host: '127.0.0.1', port, servername: '', ...options }, () => {
        told(socket.authorized ? 'yes' : String(socket.authorizationError));
        socket.destroy();
      });
      socket.on('error', ({ message }) => told(message));
    });
    const own = identityOf([svid(rootA, 'spiffe://a.test/ns/sys/sa/operator')], bundle);
    const outcome = await ask(port, { tls: { identity: { ...identity, ...own }, trustDomains: [domainA] } });
    return {
      openssl,
      product: outcome.kind === 'answer' ? `yes ${outcome.peer?.id.uri === agentId}` : outcome.message,
    };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

function opensslVerify(
  folder: string,
  { chain: [leaf, ...others], authorities }: RandomChain,
  purpose: string,
): Promise<string> {
  const file = (part: string, ...pems: string[]): string => {
    const path = join(folder, `${part}.pem`);
    writeFileSync(path, pems.join(''));
    return path;
  };
  const untrusted = others.length > 0 ? ['-untrusted', file('others', pemOf(...others))] : [];
  const options = ['-partial_chain', '-auth_level', '2', '-purpose', purpose, '-no-CApath', '-no-CAstore'];
  const command = [
    'verify',
    ...options,
    '-CAfile',
    file('anchors', pemOf(...authorities)),
    ...untrusted,
    file('leaf', pemOf(leaf)),
  ];
  return new Promise((resolve, reject) => {
    let told = '';
    const child = spawn('openssl', command, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.on('data', (text) => {
      told += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve(code === 0 ? 'yes' : told));
  });
}
