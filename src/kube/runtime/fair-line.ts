/** What waits of one share, by its id, in the order of arrival. */
type Waiting<T> = Map<string, T>;

/**
 * What waits, handed out so that no share starves another, however much of it waits and however high it ranks. Every second
 * turn goes to the highest rank, the others to the lower ranks in turn; within a rank the shares take turns; what a share is
 * handed is always the first of its own highest rank.
 */
export class FairLine<T> {
  /** By rank, then by share, whose turn is next first. */
  readonly #ranks = new Map<number, Map<string, Waiting<T>>>();
  #turns = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Of one share, or of all. */
  *values(of?: string): Generator<T> {
    for (const shares of this.#ranks.values())
      for (const waiting of of === undefined ? shares.values() : [shares.get(of)]) yield* waiting?.values() ?? [];
  }

  /** What waits under this id at this rank is replaced where it stands. */
  add(id: string, item: T, share: string, rank = 0): void {
    const shares = this.#ranks.get(rank) ?? new Map<string, Waiting<T>>();
    const waiting = shares.get(share) ?? new Map<string, T>();
    if (!waiting.has(id)) this.#size++;
    this.#ranks.set(rank, shares.set(share, waiting.set(id, item)));
  }

  /** Of the shares whose turn it may be, one with the least `load`. */
  take(load: (share: string) => number = () => 0): T | undefined {
    const ranks = [...this.#ranks.keys()].sort((a, b) => b - a);
    const turn = this.#turns++;
    const lower = turn % 2 === 0 || ranks.length < 2 ? 0 : 1 + (((turn - 1) / 2) % (ranks.length - 1));
    const share = leastOf(this.#ranks.get(ranks[lower] ?? 0) ?? new Map<string, Waiting<T>>(), load);
    if (share === undefined) return undefined;
    for (const rank of ranks) {
      for (const [id, item] of this.#ranks.get(rank)?.get(share) ?? []) {
        this.remove(id, share);
        for (const shares of this.#ranks.values()) toTheEnd(shares, share);
        return item;
      }
    }
    return undefined;
  }

  remove(id: string, share: string): boolean {
    let found = false;
    for (const [rank, shares] of this.#ranks) {
      const waiting = shares.get(share);
      if (waiting?.delete(id) !== true) continue;
      found = true;
      this.#size--;
      if (waiting.size === 0) shares.delete(share);
      if (shares.size === 0) this.#ranks.delete(rank);
    }
    return found;
  }

  lengthOf(share: string): number {
    return [...this.#ranks.values()].reduce((sum, shares) => sum + (shares.get(share)?.size ?? 0), 0);
  }
}

/** The first with the least load; none is less than 0. */
function leastOf(shares: ReadonlyMap<string, unknown>, load: (share: string) => number): string | undefined {
  let least: string | undefined;
  let most = Number.POSITIVE_INFINITY;
  for (const share of shares.keys()) {
    const bears = load(share);
    if (bears < most) [least, most] = [share, bears];
    if (bears === 0) break;
  }
  return least;
}

function toTheEnd<V>(shares: Map<string, V>, share: string): void {
  const waiting = shares.get(share);
  if (waiting !== undefined && shares.delete(share)) shares.set(share, waiting);
}
