/** So that an hour of work weighs no more than the last seconds of it. */
const halfLifeMs = 1_000;
/** Less than this decides no turn. */
const nothingMs = 0.001;

/** What each share took lately, in milliseconds; one that took nothing lately is not kept. */
export class RecentWork {
  /** Who was charged longest ago first. */
  readonly #took = new Map<string, { readonly ms: number; readonly at: number }>();

  get size(): number {
    return this.#took.size;
  }

  charge(share: string, ms: number, now: number): void {
    const sum = this.of(share, now) + ms;
    this.#took.delete(share);
    this.#took.set(share, { ms: sum, at: now });
    for (const first of this.#took.keys()) {
      if (this.of(first, now) >= nothingMs) return;
      this.#took.delete(first);
    }
  }

  of(share: string, now: number): number {
    const { ms, at } = this.#took.get(share) ?? { ms: 0, at: 0 };
    return ms * 2 ** ((at - now) / halfLifeMs);
  }
}
