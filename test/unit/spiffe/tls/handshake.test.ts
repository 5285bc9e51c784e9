import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { identityOf } from '../../../pki/identity.ts';
import { authority, bundle, extension, intermediate, type Minted, svid } from '../../../pki/mint.ts';
import {
  agentId,
  agentSvid,
  answer,
  askTls,
  domainA,
  domainB,
  failure,
  https,
  rootA,
  rootB,
  tcp,
  tlsOptions,
} from './peers.ts';

describe('a port that must speak TLS', () => {
  test.each(['HTTP/1.1 400 Bad Request\r\n\r\n', 'SSH-2.0-x\r\n', '{"name":"agent"}'])(
    'and speaks %j is a downgrade',
    async (text) => {
      const port = await tcp((socket) => socket.once('data', () => socket.end(text)));
      expect(await askTls(port)).toMatchObject({ code: 'NotTls', guilt: 'identity' });
    },
  );

  test('and speaks TLS without HTTP/1.1, or only old TLS, is no evidence', async () => {
    const h2 = await https(answer, { ...tlsOptions([agentSvid]), ALPNProtocols: ['h2'] });
    expect(await askTls(h2)).toMatchObject({ code: 'HandshakeFailed', guilt: 'none' });
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const port = await https(answer, { ...tlsOptions([agentSvid]), ...old });
    expect(await askTls(port)).toMatchObject({ code: 'HandshakeFailed', guilt: 'none' });
  });

  const rsaSvid = svid(rootA, agentId, { key: 'rsa2048' });
  test.each([
    ['ECDHE-ECDSA-AES128-GCM-SHA256', 200],
    ['ECDHE-RSA-CHACHA20-POLY1305', 200],
    ['DHE-RSA-AES128-GCM-SHA256', 'HandshakeFailed'],
    ['ECDHE-ECDSA-AES128-SHA', 'HandshakeFailed'],
    ['AES128-GCM-SHA256', 'HandshakeFailed'],
  ])('and speaks TLS 1.2 by %s alone is answered %s', async (ciphers, want) => {
    const chain = ciphers.includes('ECDSA') ? [agentSvid] : [rsaSvid];
    const port = await https(answer, { ...tlsOptions(chain), maxVersion: 'TLSv1.2', ciphers, dhparam: 'auto' });
    const outcome = await askTls(port);
    expect(outcome.kind === 'answer' ? outcome.status : outcome.code).toBe(want);
    if (outcome.kind === 'failed') expect(outcome.guilt).toBe('none');
  });

  test('and shows more than 32 KiB before it is proven is cut off before anybody verifies it, and less is not', async () => {
    const padding = (bytes: number) => extension('1.2.3.4', Buffer.alloc(bytes));
    const authorityWith = (issuer: Minted, bytes: number) =>
      intermediate(issuer, domainA, { extensions: [...authority(domainA), padding(bytes)] });
    const chainOf = (bytes: number): Minted[] => {
      const above = Array.from({ length: 6 }).reduce<Minted[]>(
        (chain) => [authorityWith(chain[0] ?? rootA, bytes), ...chain],
        [],
      );
      return [svid(above[0] ?? rootA, agentId), ...above];
    };
    expect(await askTls(await https(answer, tlsOptions(chainOf(4000))))).toMatchObject({ kind: 'answer', status: 200 });
    const tooLong = failure(await askTls(await https(answer, tlsOptions(chainOf(5000)))));
    expect(tooLong).toMatchObject({ code: 'HandshakeFailed', guilt: 'none' });
    expect(tooLong.message).toContain('longer than 32768 bytes');
  });

  test('and negotiates anew once it is proven gets no second handshake', async () => {
    let handshakes = 0;
    const handler: RequestListener = ({ socket }, response) => {
      if (!(socket instanceof TLSSocket)) throw new Error('no TLS');
      socket.on('secure', () => handshakes++);
      socket.renegotiate({}, () => response.end('{}'));
    };
    const outcome = failure(await askTls(await https(handler, { ...tlsOptions([agentSvid]), maxVersion: 'TLSv1.2' })));
    expect([outcome.guilt, handshakes]).toEqual(['none', 0]);
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('and rejects our certificate over %s is no evidence', async (version) => {
    const options = { ...tlsOptions([agentSvid], [rootB]), minVersion: version, maxVersion: version };
    const outcome = failure(await askTls(await https(answer, options)));
    expect(['ClientCertificateRejected', 'ConnectionReset']).toContain(outcome.code);
    expect(outcome.guilt).toBe('none');
  });

  test('and cannot prove that it holds the key is guilty', async () => {
    const options = {
      ...tlsOptions([agentSvid]),
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256',
    } as const;
    const real = await https(answer, options);
    const port = await tcp((client) => {
      const server = connect(real, '127.0.0.1').on('error', () => undefined);
      onTestFinished(() => {
        server.destroy();
      });
      client.pipe(server);
      server.on('data', (bytes: Buffer) => client.write(spoilSignature(bytes)));
    });
    expect(await askTls(port)).toMatchObject({ code: 'PeerCertificateInvalid', guilt: 'identity' });
  });
});

/** In TLS 1.2 the ServerKeyExchange, which carries the server's signature, precedes its CertificateRequest. */
function spoilSignature(bytes: Buffer): Buffer {
  const exchange = bytes.indexOf(Buffer.from('0c0000', 'hex'));
  if (exchange < 0) return bytes;
  const last = exchange + 4 + bytes.readUIntBE(exchange + 1, 3) - 1;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  return bytes;
}

describe('a peer of another trust domain', () => {
  const foreign = svid(rootB, 'spiffe://b.test/ns/team1/sa/agent');

  test('is guilty, and what it claims is reported as a claim', async () => {
    const outcome = failure(await askTls(await https(answer, tlsOptions([foreign]))));
    expect(outcome).toMatchObject({
      code: 'TrustDomainMismatch',
      guilt: 'identity',
      claimedId: 'spiffe://b.test/ns/team1/sa/agent',
    });
  });

  test('is proven when that trust domain is expected too', async () => {
    const both = identityOf([svid(rootA, agentId)], bundle(domainA, rootA), bundle(domainB, rootB));
    const port = await https(answer, tlsOptions([foreign]));
    for (const trustDomains of [[domainA, domainB], [domainB, domainA], [domainB]]) {
      const outcome = await askTls(port, { tls: { identity: both, trustDomains } });
      expect(outcome).toMatchObject({ kind: 'answer', peer: { id: { trustDomain: domainB } } });
    }
  });

  test.each([
    ['a.test', 'b.test'],
    ['b.test', 'a.test'],
  ])('is not vouched for by an authority of %s for %s, though both are expected', async (issuer, named) => {
    const both = identityOf([svid(rootA, agentId)], bundle(domainA, rootA), bundle(domainB, rootB));
    const leaf = svid(issuer === domainA ? rootA : rootB, `spiffe://${named}/ns/team1/sa/agent`);
    const port = await https(answer, tlsOptions([leaf]));
    const outcome = await askTls(port, { tls: { identity: both, trustDomains: [domainA, domainB] } });
    expect(outcome).toMatchObject({ code: 'PeerCertificateInvalid', guilt: 'identity' });
  });

  test('is guilty even when an authority of the expected one names it', async () => {
    const leaf = svid(rootA, 'spiffe://b.test/ns/team1/sa/agent');
    const outcome = await askTls(await https(answer, tlsOptions([leaf])));
    expect(outcome).toMatchObject({ code: 'TrustDomainMismatch', guilt: 'identity' });
  });
});
