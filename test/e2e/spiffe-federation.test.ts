import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  addTrustDomain,
  federate,
  primaryTrustDomain,
  setBundle,
  shareBundle,
  type TrustDomain,
} from '../cluster/trust-domain.ts';
import { Agent } from './kit/agent.ts';
import { calmly, restartOperator } from './kit/calm.ts';
import { patience, World } from './kit/world.ts';

let world: World;
let namespace: string;
let ours: TrustDomain;
let theirs: TrustDomain;
const trusted = { Verified: 'True mTLSVerified', Bound: 'True Bound', Ready: 'True ReadyToServe' };
const foreign = {
  Verified: 'False IdentityMismatch',
  Bound: 'False TrustDomainMismatch',
  Ready: 'False IdentityMismatch',
};
const idOf = (domain: string, name: string) => `spiffe://${domain}/ns/${namespace}/sa/${name}`;

beforeAll(async () => {
  world = await World.open();
  ours = primaryTrustDomain(world.cluster);
  theirs = await addTrustDomain(world.cluster, 'other.example', { svidTtl: '1h', caTtl: '24h' });
  await federate(ours, theirs);
  await world.install({ replicas: 1 });
  namespace = await world.namespace('federation');
});

afterAll(async () => {
  await ours.federateWith();
  await world.kubectl('delete', 'namespace', namespace, '--wait=false');
  await theirs.remove();
});

const deployTheirs = (name: string, identityBinding?: object) =>
  Agent.deploy(world, namespace, name, {
    socketFolder: theirs.socketFolder,
    spec: identityBinding === undefined ? {} : { identityBinding },
  });

describe('an agent of a federated trust domain', () => {
  test('is refused where its card does not name the domain, though its bundle is at hand', async () => {
    const agent = await deployTheirs('uninvited');
    const { status } = await agent.says(foreign);
    expect(status?.attestedAgentSpiffeId).toBeUndefined();
    const check = status?.checks?.find(({ name }) => name === 'server-identity');
    expect(check?.observed).toBe(`claims ${idOf('other.example', 'uninvited')}`);
  });

  test('is accepted where its card names the domain', async () => {
    const agent = await deployTheirs('guest', { trustDomain: 'other.example' });
    const { status } = await agent.says({ ...trusted, Enforced: 'True PolicyApplied' });
    expect(status?.expectedSpiffeID).toBe(idOf('other.example', 'guest'));
    expect(status?.attestedAgentSpiffeId).toBe(idOf('other.example', 'guest'));
    await agent.wears(true);
  });

  test('is refused with another ID of that domain than the card names', async () => {
    const agent = await deployTheirs('substitute', { allowedSpiffeIDs: [idOf('other.example', 'guest')] });
    const { status } = await agent.says({ Verified: 'False IdentityMismatch', Bound: 'False SpiffeIDMismatch' });
    expect(status?.attestedAgentSpiffeId).toBe(idOf('other.example', 'substitute'));
  });

  test('may move between the domains that its card names', async () => {
    const allowedSpiffeIDs = [idOf('example.org', 'mover'), idOf('other.example', 'mover')];
    const agent = await deployTheirs('mover', { allowedSpiffeIDs });
    const attested = (id: string) =>
      vi.waitFor(async () => {
        const { status } = await agent.says(trusted);
        expect(status?.attestedAgentSpiffeId).toBe(id);
        expect(status?.replicas).toEqual({ ready: 1, attested: 1 });
      }, patience);
    await attested(idOf('other.example', 'mover'));
    await world.apply(agent.deployment({}, 'mover'));
    await attested(idOf('example.org', 'mover'));
  });

  test('is judged the same after a restart of the operator', async () => {
    await calmly(world, () => restartOperator(world, 4));
  });
});

describe('a CA', () => {
  const guest = () => new Agent(world, namespace, 'guest');

  test('that is replaced changes nothing, as long as its bundle travels first', async () => {
    await calmly(world, async () => {
      await theirs.rotateAuthority();
      await shareBundle(theirs, ours);
      await guest().refresh();
    });
    await guest().says(trusted);
  });

  test('that leaves the bundle takes the trust in its SVIDs along, at once and over a restart', async () => {
    const now = await ours.server(['bundle', 'show', '-format', 'spiffe']);
    await setBundle(ours, 'other.example', now);
    const { status } = await guest().says({ Verified: 'False IdentityMismatch', Bound: 'False NoIdentity' });
    expect(status?.attestedAgentSpiffeId).toBeUndefined();
    await guest().wears(false);
    await calmly(world, () => restartOperator(world, 4));
  });

  test('that comes back into the bundle brings that trust back', async () => {
    await shareBundle(theirs, ours);
    await guest().says({ ...trusted, Enforced: 'True PolicyApplied' });
    await guest().wears(true);
  });
});
