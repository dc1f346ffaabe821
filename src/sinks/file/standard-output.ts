import type { Writable } from 'node:stream';
import type { Outcome } from '../../core/sink.js';

/** The process' standard output. There is no disk to sync: delivered means that the system took every line. */
export class StandardOutput {
  constructor(private readonly stream: Writable) {
    // Without a listener, a reader that goes away would take the whole process with it.
    stream.on('error', ignore);
  }

  /** Each line in a write of its own: so the system keeps the log's lines out of those that fit into a page. */
  async append(lines: readonly string[]): Promise<Outcome> {
    for (const line of lines) {
      const error = await this.#write(line);
      // Node takes no more for a stream that has failed once.
      if (error) return { kind: 'parked', cause: 'io', reason: `standard output: ${error.message}; ${advice}` };
    }
    return { kind: 'delivered' };
  }

  isWritable(): Promise<boolean> {
    return Promise.resolve(this.stream.writable);
  }

  /** May be called twice. The stream stays open, it is not ours alone. */
  close(): Promise<void> {
    this.stream.off('error', ignore);
    return Promise.resolve();
  }

  #write(line: string): Promise<Error | null | undefined> {
    return new Promise((resolve) => this.stream.write(line, resolve));
  }
}

const advice = 'see to whoever reads it, then start the router again';

/** Whoever wrote has been told. */
function ignore(): void {}
