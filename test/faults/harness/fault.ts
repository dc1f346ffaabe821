import { it } from '@jest/globals';
import type { InvariantOptions } from './invariant.js';
import type { Need } from './needs.js';
import { Scene } from './scene.js';

/** A line of docs/faults.md, which is made of these: literal texts, or they are not found. */
export type Fault = {
  /** Cases keep their numbers. */
  readonly number: number;
  readonly title: string;
  /** What is done to the router. */
  readonly fault: string;
  /** What it must do then. */
  readonly expected: string;
};

export type FaultOptions = {
  /** For the whole case. */
  readonly timeoutMs?: number;
  /** Where one is missing the case is skipped, and says so. */
  readonly needs?: readonly Need[];
  /** For the invariant at the end; or why it cannot be asked. */
  readonly invariant?: InvariantOptions | { readonly none: string };
};

const timeoutMs = 120_000;

/**
 * Declares a case of the fault suite: a test on a stage of its own, which ends in the invariant. The case leaves its
 * faults healed; a router that is not running is started again.
 */
export function fault(declared: Fault, run: (scene: Scene) => Promise<void>, options: FaultOptions = {}): void {
  const name = `${String(declared.number)}. ${declared.title}`;
  const missing = (options.needs ?? []).flatMap((need) => need() ?? []);
  if (missing.length > 0) {
    console.warn(`skipped: ${name}: ${missing.join(', ')}`);
    it.skip(`${name} (${missing.join(', ')})`, () => undefined);
    return;
  }
  it(
    name,
    async () => {
      const scene = new Scene();
      try {
        await run(scene);
        const { invariant = {} } = options;
        if (!('none' in invariant)) await scene.account(invariant);
      } finally {
        await scene.close();
      }
    },
    options.timeoutMs ?? timeoutMs,
  );
}
