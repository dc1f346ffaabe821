import type { Writable } from 'node:stream';
import type { Outcome } from '../../core/sink.js';
import { outcomeOfFailure } from './failure.js';

/** The process' standard output. There is no disk to sync: delivered means that the system took every line. */
export class StandardOutput {
  #hasReader = true;

  constructor(private readonly stream: Writable) {
    // Without a listener, a reader that goes away would take the whole process with it.
    stream.on('error', ignore);
  }

  /** Each line in a write of its own: so the system keeps the log's lines out of those of at most 4 kB. */
  async append(lines: readonly string[]): Promise<Outcome> {
    for (const line of lines) {
      const error = await this.#write(line);
      if (!error) continue;
      // A pipe that lost its reader gets no other while this process lives.
      if (error.code === 'EPIPE') this.#hasReader = false;
      return outcomeOfFailure(error, 'the standard output');
    }
    return { kind: 'delivered' };
  }

  /** False once nobody reads. */
  isWritable(): Promise<boolean> {
    return Promise.resolve(this.#hasReader);
  }

  /** May be called twice. The stream stays open, it is not ours alone. */
  close(): Promise<void> {
    this.stream.off('error', ignore);
    return Promise.resolve();
  }

  #write(line: string): Promise<NodeJS.ErrnoException | null | undefined> {
    return new Promise((resolve) => this.stream.write(line, resolve));
  }
}

/** Whoever wrote has been told. */
function ignore(): void {}
