import { beforeEach, describe, expect, test } from 'vitest';
import { encodeFrame, FrameReader } from '../../../../../src/operator/inquiry/asking/frames.ts';
import { hear, outcomeFrom } from '../../../../../src/operator/inquiry/asking/hearsay.ts';
import { bundle, hour, intermediate, type Minted, mint, name, root, svid } from '../../../../pki/mint.ts';
import { domainA, domainB } from '../../../spiffe/tls/peers.ts';
import { question } from './questions.ts';

const id = 'spiffe://a.test/ns/team/sa/agent';
const [ours, stranger, theirs] = [root(domainA), root(domainA), root(domainB)];
const leaf = svid(ours, id);
const bundles = new Map([
  [domainA, bundle(domainA, ours)],
  [domainB, bundle(domainB, theirs)],
]);
const at = { now: Date.now(), bundles };
const look = { identity: () => at, now: () => at.now };
beforeEach(() => Object.assign(at, { now: Date.now(), bundles }));
const overTls = question(1, { trustDomains: [domainA] });
const plain = question(1);

/** What the parent makes of a report, as it comes through the pipe. */
function make(header: object, asked = overTls, body = Buffer.alloc(0)) {
  const [frame] = new FrameReader(4 * 1024 * 1024).read(encodeFrame(header, body));
  if (frame === undefined) throw new Error('a frame was sent');
  return outcomeFrom(hear(frame), asked, look);
}

const chainOf = (...chain: readonly Minted[]) => chain.map(({ der }) => der.toString('base64'));
const answer = (chain?: readonly string[]) => ({ id: 1, epoch: 1, outcome: { kind: 'answer', status: 200, chain } });
const failure = (over: object) => ({
  ...{ id: 1, epoch: 1 },
  outcome: { kind: 'failed', code: 'Unreachable', message: 'no', ...over },
});

describe('what an honest child says', () => {
  test('is an answer, with the peer that the chain proves', () => {
    const between = intermediate(ours, domainA);
    const below = svid(between, id, { to: Date.now() + hour });
    const heard = make(answer(chainOf(below, between)), overTls, Buffer.from('{}'));
    expect(heard).toMatchObject({ kind: 'answer', status: 200, body: Buffer.from('{}'), peer: { id: { uri: id } } });
    expect(heard?.peer?.chain).toEqual([below.der, between.der]);
    expect(heard?.peer?.notAfter.getTime()).toBeLessThanOrEqual(Date.now() + hour);
  });

  test('is a failure with the guilt that its code has', () => {
    expect(make(failure({ code: 'NotTls' }))).toMatchObject({ kind: 'failed', code: 'NotTls', guilt: 'identity' });
    expect(make(failure({ code: 'Timeout' }), plain)).toMatchObject({ kind: 'failed', code: 'Timeout', guilt: 'none' });
    expect(make(failure({ code: 'Truncated', chain: chainOf(leaf) }))).toMatchObject({ peer: { id: { uri: id } } });
  });
});

describe('a peer that is claimed and not proven is refused:', () => {
  const junk = (key: 'secp256k1' | 'brainpoolP256r1') =>
    mint({ subject: ours.subject, keyId: ours.keyId, extensions: [], key });

  test.each<[string, readonly Minted[]]>([
    ['by an authority that is not in the bundle', [svid(stranger, id)]],
    ['of the expected domain, by an authority of another', [svid(theirs, id)]],
    ['with a key on secp256k1', [svid(ours, id, { key: 'secp256k1' })]],
    ['with a key on a brainpool curve', [svid(ours, id, { key: 'brainpoolP256r1' })]],
    ['with a short key', [svid(ours, id, { key: 'rsa1024' })]],
    ['followed by a certificate with a key on secp256k1', [leaf, junk('secp256k1')]],
    ['followed by a certificate with a key on a brainpool curve', [leaf, junk('brainpoolP256r1')]],
    ['that is an authority', [ours]],
    ['that names nobody', [mint({ issuer: ours, subject: name({ CN: id }), extensions: [] })]],
  ])('%s', (_, chain) => {
    const expected = { kind: 'failed', code: 'PeerCertificateInvalid', guilt: 'identity' };
    expect(make(answer(chainOf(...chain)))).toMatchObject(expected);
    expect(make(failure({ code: 'Truncated', chain: chainOf(...chain) }))).toMatchObject(expected);
  });

  test('of a trust domain that was not expected, as the handshake would', () => {
    const told = answer(chainOf(svid(theirs, 'spiffe://b.test/ns/team/sa/agent')));
    expect(make(told)).toMatchObject({ code: 'TrustDomainMismatch', guilt: 'identity' });
  });

  test('that has expired, and one that begins within minutes is no guilt', () => {
    const expired = svid(ours, id, { to: Date.now() - hour / 2 });
    expect(make(answer(chainOf(expired)))).toMatchObject({ code: 'PeerCertificateExpired', guilt: 'identity' });
    const early = svid(ours, id, { from: Date.now() + 60_000 });
    expect(make(answer(chainOf(early)))).toMatchObject({ code: 'ClockSkew', guilt: 'none' });
  });

  test.each([
    ['bytes that are no certificate', Buffer.from('certificate')],
    ['a certificate with a byte after it', Buffer.concat([leaf.der, Buffer.alloc(1)])],
    ['a certificate that ends early', leaf.der.subarray(0, -1)],
    ['nothing', Buffer.alloc(0)],
  ])('%s', (_, der) => {
    expect(make(answer([der.toString('base64')]))).toMatchObject({ code: 'PeerCertificateInvalid' });
  });
});

test('a chain that was proven counts no longer than it is valid, and by no other bundle', () => {
  const told = answer(chainOf(svid(ours, id, { from: at.now - hour, to: at.now + hour })));
  expect(make(told)).toMatchObject({ kind: 'answer' });
  // A certificate has ended at its very last instant, as for whoever proves the chain anew.
  const end = Math.trunc((at.now + hour) / 1_000) * 1_000;
  at.now = end;
  expect(make(told)).toMatchObject({ code: 'PeerCertificateExpired' });
  at.now = end - 1;
  expect(make(told)).toMatchObject({ kind: 'answer' });
  at.now += 1 + hour;
  expect(make(told)).toMatchObject({ code: 'PeerCertificateExpired' });
  at.now -= 4 * hour;
  expect(make(told)).toMatchObject({ code: 'PeerCertificateInvalid' });
  at.now += 2 * hour;
  expect(make(told)).toMatchObject({ kind: 'answer' });
  at.bundles = new Map([[domainA, bundle(domainA, stranger)]]);
  expect(make(told)).toMatchObject({ code: 'PeerCertificateInvalid' });
});

test('of a chain that was proven is remembered who it is, not what an agent may send besides', () => {
  const told = answer(chainOf(leaf, intermediate(stranger, domainA)));
  const [first, again] = [make(told)?.peer, make(told)?.peer];
  expect(again).toEqual(first);
  expect(again?.id).toBe(first?.id);
  for (const [index, der] of (again?.chain ?? []).entries()) {
    expect(der).not.toBe(first?.chain[index]);
    expect(der.buffer.byteLength).toBe(der.length);
  }
});

describe('no honest child says, and none of it counts:', () => {
  test.each<[string, object]>([
    ['nothing', {}],
    ['fifty thousand words', Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`word-${n}`, n]))],
    ['an answer over TLS without a chain', answer()],
    ['an answer over TLS with an empty chain', answer([])],
    ['eleven certificates', answer(Array(11).fill(chainOf(leaf)[0]))],
    ['a certificate of a mebibyte', answer(['A'.repeat(1 << 20)])],
    ['an identity instead of a chain', { ...answer(chainOf(leaf)), peer: { id: { uri: id } } }],
    ['a status that is none', { id: 1, epoch: 1, outcome: { kind: 'answer', status: 1e9, chain: chainOf(leaf) } }],
    ['an unknown code', failure({ code: 'Compromised' })],
    ['a code that every object has', failure({ code: 'constructor' })],
    ['a guilt of its own', failure({ guilt: 'identity' })],
    ['a message without end', failure({ message: 'x'.repeat(3_000) })],
    ['a message that is no text', failure({ message: { toString: 'x' } })],
    ['a claim that is no SPIFFE ID', failure({ code: 'TrustDomainMismatch', claimedId: 'spiffe://a.test/\n' })],
    ['another kind of outcome', { id: 1, epoch: 1, outcome: { kind: 'verified' } }],
    ['an id that is no number', { ...answer(chainOf(leaf)), id: '1' }],
  ])('%s', (_, header) => {
    let heard: unknown;
    try {
      heard = make(header);
    } catch {
      heard = undefined;
    }
    expect(heard).toBeUndefined();
  });

  test('a nest without end', () => {
    const deep = Buffer.from(`${'['.repeat(200_000)}${']'.repeat(200_000)}`);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(deep.length + 4);
    frame.writeUInt32BE(deep.length, 4);
    const [read] = new FrameReader(1 << 20).read(Buffer.concat([frame, deep]));
    expect(() => read && hear(read)).toThrow(/expected object/);
  });

  test('a body that is longer than was asked for, or with a failure', () => {
    expect(make(answer(chainOf(leaf)), overTls, Buffer.alloc(1025))).toBeUndefined();
    expect(make(failure({}), overTls, Buffer.alloc(1))).toBeUndefined();
  });

  test.each<[string, object]>([
    ['a proven peer', answer(chainOf(leaf))],
    ['guilt', failure({ code: 'PeerCertificateInvalid' })],
    ['a claim', failure({ claimedId: id })],
  ])('%s over plain HTTP', (_, header) => {
    expect(make(header, plain)).toBeUndefined();
  });
});

test('no control character of a message is kept', () => {
  const heard = make(failure({ message: 'a\u001b[31m\u0000\u202eb\n' }));
  expect(heard).toMatchObject({ message: 'a?[31m??b?' });
});
