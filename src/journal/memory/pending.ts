import type { Pending } from '../../core/journal.js';
import type { KeptAlert } from './kept.js';

const nothing: Pending = { deliveries: 0, bytes: 0 };

/** How much is owed, of each source and in all. */
export class PendingTally {
  #all = nothing;
  readonly #bySource = new Map<string, Pending>();

  /** One delivery of an alert more, or less. */
  count({ bytes, request }: KeptAlert, sign: 1 | -1): void {
    const add = (to: Pending): Pending => ({ deliveries: to.deliveries + sign, bytes: to.bytes + sign * bytes });
    this.#all = add(this.#all);
    this.#bySource.set(request.source, add(this.of(request.source)));
  }

  of(source?: string): Pending {
    return source === undefined ? this.#all : (this.#bySource.get(source) ?? nothing);
  }
}
