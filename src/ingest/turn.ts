/** Of one source in one turn: a few milliseconds of work. */
export const mostOfSource = 64;

/** Those who go on together, and how much of the turn those of each source take. */
type Group = { readonly end: Promise<void>; readonly finish: () => void; readonly sources: Map<string, number> };

/**
 * Gathers what arrives in one turn of the event loop. Between two reads of sockets the processor has forgotten our
 * code; what works on all requests of a turn in one go finds it warm for all but the first, which halves its cost
 * under load. With one request it waits for nothing but the end of the turn. When a source brings more than its share of
 * a turn, the rest of it goes on in the next ones, so that whoever brings little never stands behind all of it.
 */
export class Turn {
  readonly #groups: Group[] = [];

  /**
   * Resolves once this turn's sockets were read, for all who wait one right after the other; of a source in order, but
   * that what is small goes ahead of what does not fit in any more. `share`: how much of a turn it takes, 1 for an
   * ordinary webhook and at most `mostOfSource`.
   */
  end(source: string, share = 1): Promise<void> {
    for (const group of this.#groups) {
      const count = (group.sources.get(source) ?? 0) + share;
      if (count > mostOfSource) continue;
      group.sources.set(source, count);
      return group.end;
    }
    const group = newGroup(source, share);
    this.#groups.push(group);
    if (this.#groups.length === 1) this.#endSoon();
    return group.end;
  }

  #endSoon(): void {
    setImmediate(() => {
      this.#groups.shift()?.finish();
      if (this.#groups.length > 0) this.#endSoon();
    });
  }
}

function newGroup(source: string, share: number): Group {
  let finish = (): void => undefined;
  const end = new Promise<void>((resolve) => {
    finish = resolve;
  });
  return { end, finish, sources: new Map([[source, share]]) };
}
