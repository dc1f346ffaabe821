import { ServiceUnavailableException } from '@nestjs/common';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { BackupCopy } from '../core/journal.js';

/** While it is read, the journal cannot tidy up: a reader that takes nothing for so long is let go. */
const stalledAfterMs = 30_000;

/** Hands a backup to whoever asked for it, no faster than they take it. */
export class HttpCopy implements BackupCopy {
  readonly #gone = new AbortController();
  readonly #stalled: NodeJS.Timeout;

  constructor(private readonly response: ServerResponse) {
    response.on('close', () => {
      this.#gone.abort();
    });
    this.#stalled = setTimeout(() => {
      this.giveUp();
    }, stalledAfterMs).unref();
  }

  begin(bytes: number): void {
    this.response.writeHead(200, { 'content-type': 'application/vnd.sqlite3', 'content-length': bytes });
  }

  /** Rejects when nobody takes it any more. */
  async take(chunk: Buffer): Promise<void> {
    this.#stalled.refresh();
    const { signal } = this.#gone;
    const isTaken = !signal.aborted && (this.response.write(chunk) || (await this.#drained(signal)));
    if (!isTaken) throw new ServiceUnavailableException('The backup was not taken to its end.');
  }

  giveUp(): void {
    this.response.destroy();
  }

  end(): void {
    clearTimeout(this.#stalled);
  }

  #drained(signal: AbortSignal): Promise<boolean> {
    return once(this.response, 'drain', { signal }).then(
      () => true,
      () => false,
    );
  }
}
