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
    try {
      for (const line of lines) await this.#write(line);
      return { kind: 'delivered' };
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      // Node takes no more for a stream that has failed once.
      return { kind: 'parked', cause: 'io', reason: `standard output: ${words}; mend its reader, then start anew` };
    }
  }

  isWritable(): Promise<boolean> {
    return Promise.resolve(this.stream.writable);
  }

  /** May be called twice. The stream stays open, it is not ours alone. */
  close(): Promise<void> {
    this.stream.off('error', ignore);
    return Promise.resolve();
  }

  #write(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.stream.write(line, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }
}

/** Whoever wrote has been told. */
function ignore(): void {}
