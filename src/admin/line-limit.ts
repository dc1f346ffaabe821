/** A stranger who knocks, or a sink that fails for every alert, must not fill the disk. */
export const linesPerSecond = 10;

/** How many lines a second, and what to say of the others: called with their number once the second is over. */
export type LineLimitOptions = {
  readonly perSecond: number;
  readonly onSuppressed: (count: number) => void;
};

const windowMs = 1_000;

/** Bounds what a flood can write to the log: the first lines of each second pass, the others are counted. */
export class LineLimit {
  #written = 0;
  #suppressed = 0;
  #window: NodeJS.Timeout | undefined;

  constructor(private readonly options: LineLimitOptions) {}

  /** True when a line may be written now. */
  take(): boolean {
    this.#window ??= setTimeout(() => {
      this.flush();
    }, windowMs).unref();
    if (this.#written < this.options.perSecond) {
      this.#written += 1;
      return true;
    }
    this.#suppressed += 1;
    return false;
  }

  /** Ends the second now and tells of what was not written. */
  flush(): void {
    clearTimeout(this.#window);
    this.#window = undefined;
    this.#written = 0;
    const count = this.#suppressed;
    this.#suppressed = 0;
    if (count > 0) this.options.onSuppressed(count);
  }
}
