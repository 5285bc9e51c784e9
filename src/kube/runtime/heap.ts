/** Something that knows its place in a heap, so that it can be taken out of the middle. */
export interface Placed {
  position: number;
}

/** A binary heap with removal of any member in O(log n). */
export class Heap<T extends Placed> {
  readonly #members: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#members.length;
  }

  get first(): T | undefined {
    return this.#members[0];
  }

  values(): IterableIterator<T> {
    return this.#members.values();
  }

  push(member: T): void {
    this.#rise(member, this.#members.length);
  }

  remove(member: T): void {
    const last = this.#members.pop();
    if (last === undefined || last === member) return;
    const hole = member.position;
    this.#rise(last, hole);
    if (last.position === hole) this.#sink(last, hole);
  }

  #rise(member: T, start: number): void {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#members[parent];
      if (above === undefined || !this.#before(member, above)) break;
      this.#put(above, at);
      at = parent;
    }
    this.#put(member, at);
  }

  #sink(member: T, start: number): void {
    let at = start;
    for (;;) {
      const [left, right] = [this.#members[2 * at + 1], this.#members[2 * at + 2]];
      if (left === undefined) break;
      const below = right !== undefined && this.#before(right, left) ? right : left;
      if (!this.#before(below, member)) break;
      const next = below.position;
      this.#put(below, at);
      at = next;
    }
    this.#put(member, at);
  }

  #put(member: T, at: number): void {
    this.#members[at] = member;
    member.position = at;
  }
}
