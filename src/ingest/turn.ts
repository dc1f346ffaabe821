/**
 * Gathers what arrives in one turn of the event loop. Between two reads of sockets the processor has forgotten our
 * code; what works on all requests of a turn in one go finds it warm for all but the first, which halves its cost
 * under load. With one request it waits for nothing but the end of the turn.
 */
export class Turn {
  #end: Promise<void> | undefined;

  /** Resolves once this turn's sockets were read, for all who wait one right after the other. */
  end(): Promise<void> {
    this.#end ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#end = undefined;
        resolve();
      });
    });
    return this.#end;
  }
}
