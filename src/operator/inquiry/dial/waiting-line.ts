import type { Ask } from '../agenda.ts';

/** Questions that wait, each once: the urgent ones first, then by their age. */
export class WaitingLine {
  readonly #urgent = new Map<string, Ask>();
  readonly #others = new Map<string, Ask>();

  get size(): number {
    return this.#urgent.size + this.#others.size;
  }

  add(id: string, ask: Ask): void {
    if (!ask.urgent && !this.#urgent.has(id)) {
      this.#others.set(id, ask);
      return;
    }
    this.#others.delete(id);
    this.#urgent.set(id, ask);
  }

  take(): [id: string, ask: Ask] | undefined {
    for (const part of [this.#urgent, this.#others]) {
      for (const next of part) {
        part.delete(next[0]);
        return next;
      }
    }
    return undefined;
  }

  remove(unwanted: (ask: Ask) => boolean): void {
    for (const part of [this.#urgent, this.#others]) {
      for (const [id, ask] of part) if (unwanted(ask)) part.delete(id);
    }
  }
}
