import { flattenedVerify } from 'jose/jws/flattened/verify';
import { describe, expect, test, vi } from 'vitest';
import { parseForms } from '../../../../src/agentcard/forms/forms.ts';
import { KnownChains } from '../../../../src/agentcard/signature/known-chains.ts';
import { signCard } from '../../../../src/agentcard/signature/sign.ts';
import { agenda } from '../../../../src/operator/inquiry/agenda.ts';
import { noEvidence, type PodEvidence } from '../../../../src/operator/inquiry/evidence.ts';
import { receiveCard } from '../../../../src/operator/inquiry/receive.ts';
import { recheck } from '../../../../src/operator/inquiry/recheck.ts';
import { trustDomainOf } from '../../../../src/spiffe/id.ts';
import type { BundleSet, TrustBundle } from '../../../../src/spiffe/x509/bundle.ts';
import { bundle, intermediate, type Minted, root, svid } from '../../../pki/mint.ts';
import { answered, refused } from '../kit/builders.ts';

vi.mock('jose/jws/flattened/verify', async (original) => {
  const real = await original<{ flattenedVerify: typeof flattenedVerify }>();
  return { flattenedVerify: vi.fn(real.flattenedVerify) };
});

const id = 'spiffe://a.test/ns/team/sa/weather';
const parsedForms = parseForms('raw-jcs');
const rawForms = parsedForms.ok ? parsedForms.value : [];
const [oldCa, newCa, foreign] = [root('a.test'), root('a.test'), root('b.test')];
const now = Date.now();
const hour = 3_600_000;
const asked = answered('weather-0')[1].endpointVersion;

/** Evidence of a pod that proved this chain; from another trust domain when told. */
function proved(
  chain: readonly Minted[],
  trustDomain = trustDomainOf('spiffe://a.test'),
  notAfter = now + hour,
): PodEvidence {
  const [, pod] = answered('weather-0', { id, at: now });
  if (pod.answer?.kind !== 'card' || pod.answer.peer === undefined) throw new Error('the pod proved nothing');
  const peer = { ...pod.answer.peer, trustDomain, notAfter, chain: chain.map(({ der }) => der) };
  return { ...pod, answer: { ...pod.answer, peer } };
}

const bundlesOf = (...bundles: readonly TrustBundle[]): BundleSet =>
  new Map(bundles.map((each) => [each.trustDomain, each]));
const look = (bundles: BundleSet, at = now) => ({ bundles, signatures: undefined, now: at });

describe('a chain, when the bundles have changed', () => {
  const leaf = svid(oldCa, id);

  test('stands while its authority is in the bundle, alone or among others', () => {
    const pod = proved([leaf]);
    expect(recheck(pod, look(bundlesOf(bundle('a.test', oldCa))))).toBe(pod);
    expect(recheck(pod, look(bundlesOf(bundle('a.test', newCa, oldCa), bundle('b.test', foreign))))).toBe(pod);
  });

  test('is negative at once when its authority has left, and says whose it was', () => {
    const pod = recheck(proved([leaf]), look(bundlesOf(bundle('a.test', newCa))));
    expect(pod.answer).toMatchObject({ kind: 'refusal', code: 'PeerCertificateInvalid', at: now, claimedId: id });
  });

  test('is negative when its trust domain trusts nobody any more', () => {
    const emptied = { ...bundle('a.test', oldCa), authorities: [], pems: [] };
    expect(recheck(proved([leaf]), look(bundlesOf(emptied))).answer?.kind).toBe('refusal');
  });

  test('is not saved by an authority of another trust domain', () => {
    const cross = svid(foreign, id);
    const bundles = bundlesOf(bundle('a.test', newCa), bundle('b.test', foreign));
    expect(recheck(proved([cross]), look(bundles)).answer?.kind).toBe('refusal');
  });

  test('leads through its intermediates', () => {
    const between = intermediate(oldCa, 'a.test');
    const pod = proved([svid(between, id), between]);
    expect(recheck(pod, look(bundlesOf(bundle('a.test', oldCa))))).toBe(pod);
    expect(recheck(pod, look(bundlesOf(bundle('a.test', newCa)))).answer?.kind).toBe('refusal');
  });

  test('says nothing while the bundle of its trust domain is not there: our source may be away', () => {
    const pod = proved([leaf]);
    expect(recheck(pod, look(bundlesOf(bundle('b.test', foreign))))).toBe(pod);
    expect(recheck(pod, look(new Map()))).toBe(pod);
  });

  test('that has ended is not looked at: its time is judged elsewhere', () => {
    const pod = proved([leaf], trustDomainOf('spiffe://a.test'), now);
    expect(recheck(pod, look(bundlesOf(bundle('a.test', newCa))))).toBe(pod);
  });

  test('that was restored after a restart has no certificates to look at', () => {
    const pod = proved([]);
    expect(recheck(pod, look(bundlesOf(bundle('a.test', newCa))))).toBe(pod);
    const peer = { uri: id, trustDomain: trustDomainOf(id), notBefore: 0, notAfter: now + hour, chain: [] };
    const restored: PodEvidence = { ...pod, answer: { kind: 'restored', at: 0, peer } };
    expect(recheck(restored, look(bundlesOf(bundle('a.test', newCa))))).toBe(restored);
  });

  test('leaves refusals and silence as they are', () => {
    const [, pod] = refused('weather-0', 'PeerCertificateInvalid');
    const silentPod: PodEvidence = { ...pod, answer: undefined };
    for (const each of [pod, silentPod]) expect(recheck(each, look(bundlesOf(bundle('a.test', newCa))))).toBe(each);
  });
});

describe('a signature, when the bundles have changed', async () => {
  const leaf = svid(oldCa, id);
  const signed = await signCard(cardOf(), { key: leaf.privateKey, chain: [leaf.der] });
  const body = Buffer.from(JSON.stringify(signed.ok ? signed.value : undefined));
  const knownChains = new KnownChains(16);

  function rulesWith(...authorities: readonly Minted[]) {
    return { forms: rawForms, bundles: bundlesOf(bundle('a.test', ...authorities)), knownChains };
  }

  async function signedPod(trusted = oldCa): Promise<PodEvidence> {
    const context = { source: 'mtls' as const, signatures: rulesWith(trusted), seen: undefined, now };
    const received = await receiveCard(body, context);
    if (!received.ok) throw new Error(received.error.message);
    const pod = proved([leaf]);
    if (pod.answer?.kind !== 'card') throw new Error('the pod answered with no card');
    return { ...pod, answer: { ...pod.answer, card: received.value } };
  }

  const outcome = (pod: PodEvidence) => (pod.answer?.kind === 'card' ? pod.answer.card.signature?.outcome : undefined);

  const look = (...authorities: readonly Minted[]) => {
    const signatures = rulesWith(...authorities);
    return { bundles: bundlesOf(bundle('a.test', oldCa)), signatures, now };
  };

  test('is judged again, without asking anybody and without verifying it', async () => {
    const pod = await signedPod();
    expect(outcome(pod)).toBe('valid');
    vi.mocked(flattenedVerify).mockClear();
    expect(outcome(recheck(pod, look(oldCa, newCa)))).toBe('valid');
    expect(flattenedVerify).not.toHaveBeenCalled();
  });

  test('proves nothing once its authority has left, though the server still proves itself, and all again when it is back', async () => {
    const pod = recheck(await signedPod(), look(newCa));
    expect(outcome(pod)).toBe('untrusted');
    vi.mocked(flattenedVerify).mockClear();
    const back = recheck(pod, look(oldCa));
    expect(outcome(back)).toBe('valid');
    expect(back.endpointVersion).toBe(pod.endpointVersion);
    expect(flattenedVerify).not.toHaveBeenCalled();
  });

  test('whose signer nobody vouched for is asked for at once when its authority joins, and proves nothing until then', async () => {
    const pod = await signedPod(newCa);
    const strangers = recheck(pod, look(newCa, foreign));
    expect(strangers.endpointVersion).toBe(pod.endpointVersion);
    const joined = recheck(pod, look(newCa, oldCa));
    expect(outcome(joined)).toBe('untrusted');
    expect(isDue(pod)).toBe(false);
    expect(isDue(strangers)).toBe(false);
    expect(isDue(joined)).toBe(true);
  });
});

/** Whether the agenda asks the pod as soon as it may be asked again. */
function isDue(pod: PodEvidence): boolean {
  const { uid: podUid, name: podName } = pod.facts;
  const endpoint = { podUid, podName, address: '', family: 'IPv4', port: 1, ready: true, version: asked } as const;
  const cadence = { transport: pod.transport, syncPeriodMs: hour, refresh: undefined, seed: 'weather' };
  return (
    agenda([endpoint], { ...noEvidence, pods: new Map([[podUid, pod]]) }, cadence, now + 1_000).now[0]?.urgent ?? false
  );
}

function cardOf() {
  return {
    name: 'Weather',
    description: 'Says how the weather is.',
    version: '1.0.0',
    supportedInterfaces: [{ url: 'https://weather.test/', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    capabilities: {},
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [{ id: 'say', name: 'Say', description: 'Says it.', tags: ['weather'] }],
  };
}
