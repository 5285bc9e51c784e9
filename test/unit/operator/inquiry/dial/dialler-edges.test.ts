import { expect, test } from 'vitest';
import { defaultForms } from '../../../../../src/agentcard/forms/forms.ts';
import { KnownChains } from '../../../../../src/agentcard/signature/known-chains.ts';
import { signCard } from '../../../../../src/agentcard/signature/sign.ts';
import type { KubeClient } from '../../../../../src/kube/client/client.ts';
import { createDialler } from '../../../../../src/operator/inquiry/dial/dialler-edges.ts';
import type { Config } from '../../../../../src/operator/settings/config.ts';
import type { ReplicaSets } from '../../../../../src/operator/watch/replica-sets.ts';
import type { TrustDomain } from '../../../../../src/spiffe/id.ts';
import { IdentitySource } from '../../../../../src/spiffe/workload-api/identity.ts';
import { bundle, type Minted, root, svid } from '../../../../pki/mint.ts';
import { pod, replicaSet } from '../../kit/builders.ts';
import { directAsking } from '../direct-asking.ts';
import { askBy } from '../received.ts';

const now = Date.now();
const [ours, foreign] = [root('a.test'), root('a.test')];
const leaf = svid(ours, 'spiffe://a.test/ns/team/sa/weather');
const plain = { name: 'Weather', version: '1', url: 'https://weather.test' };
const signed = await signCard(plain, { key: leaf.privateKey, chain: [leaf.der] });
const body = Buffer.from(JSON.stringify(signed.ok ? signed.value : undefined));

const ask = askBy('http');

interface World {
  readonly trust: (authority: Minted) => void;
  readonly edit: () => void;
}

/** A dialler whose only card is the signer's; one thing after the other `happens` while it is read. */
function rig(...happens: readonly ((world: World) => void)[]) {
  const identity = new IdentitySource({ clock: () => now });
  const trust = (authority: Minted) => identity.setBundle('a.test' as TrustDomain, bundle('a.test', authority));
  trust(foreign);
  let generation = 1;
  const edit = () => {
    generation += 1;
  };
  const told: string[] = [];
  const dialler = createDialler({
    config: { fetchConcurrency: 1, fetchTimeout: 1000 } as Config,
    client: {} as KubeClient,
    asker: directAsking(identity),
    now: () => now,
    identity: () => identity.current(),
    signatures: () => ({ forms: defaultForms, bundles: identity.current().bundles, knownChains: new KnownChains(1) }),
    cardVersion: (key) => `${key} ${generation}`,
    replicaSets: { of: async () => replicaSet } as unknown as ReplicaSets,
    labelledPod: () => pod('w'),
    knownCard: () => undefined,
    signedCard: async () => {
      happens[told.length]?.({ trust, edit });
      return body;
    },
    onFinding: (_, finding) => {
      const card = finding.kind === 'answer' && finding.answer.kind === 'card' ? finding.answer.card : undefined;
      told.push(`${finding.kind} ${card?.signature?.outcome}`);
    },
    onNothing: () => told.push('nothing'),
    unasked: () => [],
    onVoid: (asked) => told.push(`void ${asked.endpoint.podName}`),
  });
  dialler.open();
  return { dialler, told };
}

test('what was learned under other trust bundles or for another spec is dropped, and the next answer counts', async () => {
  const { dialler, told } = rig(
    ({ trust }) => trust(ours),
    ({ edit }) => edit(),
  );
  for (const expected of ['void w', 'void w', 'answer valid']) {
    const before = told.length;
    dialler.ask([ask]);
    await expect.poll(() => told.slice(before)).toEqual([expected]);
    await expect.poll(() => dialler.running).toBe(0);
  }
});
