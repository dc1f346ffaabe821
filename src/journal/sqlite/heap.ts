/** A binary heap: the least item first. Items are compared by a number that must not change while they are in it. */
export class Heap<T> {
  readonly #items: T[] = [];

  constructor(private readonly keyOf: (item: T) => number) {}

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const key = this.keyOf(item);
    let at = this.#items.length;
    this.#items.push(item);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = this.#items[above] as T;
      if (this.keyOf(parent) <= key) break;
      this.#items[at] = parent;
      at = above;
    }
    this.#items[at] = item;
  }

  pop(): T | undefined {
    const least = this.#items[0];
    const last = this.#items.pop();
    if (last !== undefined && this.#items.length > 0) this.#sink(last);
    return least;
  }

  #sink(item: T): void {
    const key = this.keyOf(item);
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= this.#items.length) break;
      const right = below + 1;
      if (right < this.#items.length && this.#keyAt(right) < this.#keyAt(below)) below = right;
      if (this.#keyAt(below) >= key) break;
      this.#items[at] = this.#items[below] as T;
      at = below;
    }
    this.#items[at] = item;
  }

  #keyAt(at: number): number {
    return this.keyOf(this.#items[at] as T);
  }
}
