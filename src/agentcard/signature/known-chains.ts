import { createHash } from 'node:crypto';
import type { BundleSet } from '@agentcard-operator/spiffe/x509';
import type { Chain, Signer } from './signer.ts';

interface KnownChain {
  readonly signer: Signer;
  /** Of the bundle that vouched for the signer. */
  readonly bundleDigest: string;
  /** When every certificate of the path is valid. */
  readonly from: Date;
  readonly until: Date;
}

/**
 * Chains that have led to a trust bundle. As long as the bundle has the same authorities and the whole path is valid, the answer
 * is the same, so asking again costs no cryptography. Refusals are not kept, and the chain that came first goes first.
 */
export class KnownChains {
  readonly #limit: number;
  readonly #chains = new Map<string, KnownChain>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  find(chain: Chain, bundles: BundleSet, now: Date): Signer | undefined {
    const known = this.#chains.get(keyOf(chain));
    if (known === undefined || now < known.from || now >= known.until) return undefined;
    const sameBundle = bundles.get(known.signer.id.trustDomain)?.digest === known.bundleDigest;
    return sameBundle ? known.signer : undefined;
  }

  add(chain: Chain, known: KnownChain): void {
    const key = keyOf(chain);
    this.#chains.delete(key);
    this.#chains.set(key, known);
    const [oldest] = this.#chains.keys();
    if (this.#chains.size > this.#limit && oldest !== undefined) this.#chains.delete(oldest);
  }
}

/** The lengths are part of it, so that the same bytes cut elsewhere are another chain. */
function keyOf(chain: Chain): string {
  const hash = createHash('sha256').update(chain.map(({ length }) => length).join());
  for (const certificate of chain) hash.update(certificate);
  return hash.digest('base64');
}
