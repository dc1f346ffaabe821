import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Journal } from '../core/journal.js';

/** Anybody may ask as often as they like; the journal is asked once in this time. */
const freshForMs = 1_000;

/** Whether this router can keep what it is given. Says nothing of sinks: a dead one is no reason to take in nothing. */
@Injectable()
export class ReadinessService implements OnModuleDestroy {
  #isDraining = false;
  #known: { readonly at: number; readonly isWritable: Promise<boolean> } | undefined;

  constructor(private readonly journal: Journal) {}

  /** The first thing to happen at shutdown. */
  onModuleDestroy(): void {
    this.#isDraining = true;
  }

  /** Why nothing should be sent here now; undefined when all is well. */
  async problem(): Promise<string | undefined> {
    if (this.#isDraining) return 'draining';
    return (await this.#isWritable()) ? undefined : 'the journal cannot be written';
  }

  #isWritable(): Promise<boolean> {
    const now = performance.now();
    if (!this.#known || now - this.#known.at > freshForMs) {
      const isWritable = this.journal.check().then(
        () => true,
        () => false,
      );
      this.#known = { at: now, isWritable };
    }
    return this.#known.isWritable;
  }
}
