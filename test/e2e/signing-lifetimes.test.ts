import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { AgentCard } from '../../src/operator/api/agentcard.ts';
import { addTrustDomain, federate, primaryTrustDomain, setBundle, type TrustDomain } from '../cluster/trust-domain.ts';
import { restartOperator } from './kit/calm.ts';
import { SignedAgent } from './kit/signed-agent.ts';
import { World } from './kit/world.ts';

const domain = 'short.example';
/** SVIDs live a minute here, and tests wait for the end of some. */
const longPatience = { timeout: 240_000, interval: 1_000 };

let world: World;
let namespace: string;
let short: TrustDomain;
let once: SignedAgent;
let again: SignedAgent;
let unseen: SignedAgent;
let unseenCard: object;

beforeAll(async () => {
  world = await World.open();
  // A standby's queue never drains, which would look like work.
  await world.install({ signatureVerification: { enabled: true }, replicas: 1 });
  short = await addTrustDomain(world.cluster, domain, { svidTtl: '1m', caTtl: '24h' });
  await federate(primaryTrustDomain(world.cluster), short);
  namespace = await world.namespace('lifetimes');
  [once, again, unseen] = ['once', 'again', 'unseen'].map((name) => new SignedAgent(world, namespace, name)) as [
    SignedAgent,
    SignedAgent,
    SignedAgent,
  ];
  const options = { socketFolder: short.socketFolder, spec: { identityBinding: { trustDomain: domain } } };
  await world.apply(...once.manifests(options), ...again.manifests({ ...options, sidecar: true }));
  const all = unseen.manifests(options) as { kind: string; metadata: { annotations?: object } }[];
  unseenCard = all.find(({ kind }) => kind === 'AgentCard') ?? {};
  const others = all
    .filter(({ kind }) => kind !== 'AgentCard')
    .map((object) => {
      if (object.kind !== 'Deployment') return object;
      return { ...object, metadata: { ...object.metadata, annotations: { 'agent.kagenti.dev/auto-card': 'false' } } };
    });
  await world.apply(...others);
  for (const agent of [once, again])
    await agent.says({ Verified: 'True SignatureVerified', Ready: 'True ReadyToServe' });
});

afterAll(async () => {
  await short?.remove();
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
});

const until = ({ status }: AgentCard) => Date.parse(status?.signedUntil ?? '');

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), longPatience);
}

test('a sidecar signs again over rotations: the card stays Verified, no pod restarts, one write a rotation', async () => {
  const first = await again.says({ Verified: 'True SignatureVerified' });
  const [pod] = await again.pods();
  let seen = until(first);
  for (let rotation = 0; rotation < 2; rotation += 1) {
    await waitFor(async () => {
      await again.refresh();
      const card = await again.says({
        Verified: 'True SignatureVerified',
        SignatureVerified: 'True SignatureValid',
        Ready: 'True ReadyToServe',
      });
      if (until(card) <= seen) return false;
      seen = until(card);
      return true;
    });
  }
  const now = await again.says({ Ready: 'True ReadyToServe' });
  const since = (card: AgentCard) =>
    card.status?.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]);
  expect(since(now)).toEqual(since(first));
  expect(now.status?.cardId).toBe(first.status?.cardId);
  expect((await again.pods()).map(({ metadata }) => metadata.uid)).toEqual([pod?.metadata.uid]);
  await again.wears(true);
});

test('a signature that was seen while its certificate was valid stays good after its end', async () => {
  const end = until(await once.says({ Verified: 'True SignatureVerified' }));
  await waitFor(async () => Date.now() > end + 2_000);
  await once.refresh();
  await once.says({ Verified: 'True SignatureVerified', SignatureVerified: 'True SignatureValid' });
  await once.wears(true);
});

test('what was seen is remembered over a restart of the operator', async () => {
  await restartOperator(world, 2);
  await once.says({
    Verified: 'True SignatureVerified',
    SignatureVerified: 'True SignatureValid',
    Ready: 'True ReadyToServe',
  });
  await once.wears(true);
});

test('a signature that was never seen while its certificate was valid proves nothing', async () => {
  await world.apply(unseenCard);
  await unseen.says({
    SignatureVerified: 'False SignatureExpired',
    Verified: 'False NotVerified',
    Ready: 'False NotVerified',
  });
  await unseen.wears(false);
});

test('an authority that left the bundle takes its signatures along, seen or not', async () => {
  const primary = primaryTrustDomain(world.cluster);
  await setBundle(primary, domain, await primary.server(['bundle', 'show', '-format', 'spiffe']));
  await vi.waitFor(async () => {
    await once.refresh();
    const { status } = await world.card(namespace, 'once');
    const said = status?.conditions?.find(({ type }) => type === 'SignatureVerified');
    expect(`${said?.status} ${said?.reason}`).toBe('False SignerUntrusted');
  }, longPatience);
  await once.says({ Verified: 'False NotVerified' });
  await once.wears(false);
});
