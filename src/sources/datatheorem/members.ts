import { isObject } from '../../kit/read.js';

/** Reads an object's members and remembers which were of use: the rest is kept as the vendor wrote it. */
export class Members {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #used = new Set<string>();

  constructor(object: unknown) {
    this.#object = isObject(object) ? object : {};
  }

  /** What the reader makes of the first of the named members that it can read. */
  read<T>(names: string | readonly string[], reader: (value: unknown) => T | undefined): T | undefined {
    for (const name of [names].flat()) {
      const value = Object.hasOwn(this.#object, name) ? reader(this.#object[name]) : undefined;
      if (value === undefined) continue;
      this.#used.add(name);
      return value;
    }
    return undefined;
  }

  hasRest(): boolean {
    return Object.keys(this.rest()).length > 0;
  }

  /** The members that no reader could use, but for nulls. */
  rest(): Readonly<Record<string, unknown>> {
    const rest = Object.entries(this.#object).filter(([name, value]) => value !== null && !this.#used.has(name));
    return Object.fromEntries(rest);
  }
}
