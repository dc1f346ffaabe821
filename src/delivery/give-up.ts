import type { Delivery, Journal, Settlement } from '../core/journal.js';

const atOnce = 500;
/** For the journal to find what is due, where there is anything. */
const claimMs = 1_000;
const reason = 'given up by an operator: the sink is no longer configured';

/**
 * Makes dead letters of what a sink that nobody delivers to is owed, as far as it is due, and says how many. What is put
 * off by a retry, for 15 minutes at most, stays owed.
 */
export async function giveUpOwed(journal: Journal, sink: string, now: () => number): Promise<number> {
  for (let count = 0; ;) {
    const claimed = await claimDue(journal, sink);
    if (claimed.length === 0) return count;
    count += await journal.settle(claimed.map((delivery) => givenUp(delivery, now())));
  }
}

async function claimDue(journal: Journal, sink: string): Promise<readonly Delivery[]> {
  const limit = { count: atOnce, whileParked: true };
  for await (const claimed of journal.claim(sink, limit, AbortSignal.timeout(claimMs))) return claimed;
  return [];
}

function givenUp({ sink, lease, attempt }: Delivery, at: number): Settlement {
  return {
    sink,
    lease,
    attempt: { attempt, at, durationMs: 0, outcome: 'rejected', reason },
    next: { kind: 'dead', fault: 'operator', reason },
  };
}
