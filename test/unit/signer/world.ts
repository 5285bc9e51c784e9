import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeClient } from '../../../src/kube/client/client.ts';
import { createLogger } from '../../../src/kube/runtime/log.ts';
import type { World } from '../../../src/signer/run.ts';
import type { TrustDomain } from '../../../src/spiffe/id.ts';
import { type BundleSet, parseBundleDer } from '../../../src/spiffe/x509/bundle.ts';
import { type Minted, root, svid } from '../../pki/mint.ts';

export const agentId = 'spiffe://a.test/ns/team1/sa/agent';
export const authority = root('a.test');
export const newLeaf = (recipe: Parameters<typeof svid>[2] = {}): Minted => svid(authority, agentId, recipe);
export const trust: BundleSet = new Map([['a.test' as TrustDomain, bundleOf(authority)]]);

function bundleOf({ der }: Minted) {
  const bundle = parseBundleDer('a.test' as TrustDomain, der);
  if (!bundle.ok) throw new Error(bundle.error.message);
  return bundle.value;
}

export const weather = {
  name: 'Weather',
  description: '',
  version: '1',
  supportedInterfaces: [{ url: 'https://weather.team1.svc', protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
  capabilities: { streaming: false, extensions: [] },
  skills: [],
  'x-vendor': { keep: [1e21, 'é', null, {}] },
};

/** A folder with an unsigned card, the settings that name both files, and a world that writes down what it is told. */
export function signersWorld(change: Partial<World> = {}, card: unknown = weather) {
  const folder = mkdtempSync(join(tmpdir(), 'signer-'));
  const unsigned = join(folder, 'agent.json');
  const target = join(folder, 'shared', 'agent-card.json');
  writeFileSync(unsigned, typeof card === 'string' ? card : JSON.stringify(card));
  const lines: Record<string, unknown>[] = [];
  const stopping = new AbortController();
  const world: World = {
    out: () => {},
    now: () => new Date(),
    random: () => 0,
    log: createLogger({ write: (line) => lines.push(JSON.parse(line)) }),
    connect: () => {
      throw new Error('not in a pod');
    },
    signal: stopping.signal,
    ...change,
  };
  const env = { UNSIGNED_CARD_PATH: unsigned, AGENT_CARD_PATH: target };
  const logged = (message: string) => lines.filter((line) => line.message === message);
  return { folder, unsigned, target, lines, logged, world, env, stop: () => stopping.abort() };
}

/** A client of an API server that a script stands for. */
export function clientOf(server: URL, namespace?: string): KubeClient {
  const none = () => ({});
  return new KubeClient({
    server,
    ...(namespace ? { namespace } : {}),
    headers: none,
    tls: none,
    invalidate: () => {},
  });
}
