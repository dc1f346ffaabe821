import type { Delivery } from '../core/journal.js';
import type { Outcome, Sink } from '../core/sink.js';
import type { Timing } from './settlement.js';

/** A plugin that has not answered by then is taken to hang, though it was told to stop long before. */
const deadlineMs = 45_000;

const replayTag = 'replay:true';

export type Attempted = { readonly delivery: Delivery; readonly outcome: Outcome; readonly timing: Timing };

/**
 * One attempt for a batch: an outcome for each delivery. A batch that is rejected whole is halved until the one that
 * spoils it stands alone; its neighbours are delivered. Does not throw: a plugin that does has a fault of ours.
 */
export async function attempt(
  sink: Sink,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<readonly Attempted[]> {
  const startedAt = Date.now();
  const started = performance.now();
  const outcomes = await outcomesOf(sink, batch, signal);
  const timing = { startedAt, durationMs: Math.round(performance.now() - started) };
  if (isList(outcomes)) {
    return batch.map((delivery, index) => ({ delivery, outcome: outcomes[index] ?? missingOutcome, timing }));
  }
  const outcome = outcomes;
  if (outcome.kind !== 'rejected' || batch.length < 2) {
    return batch.map((delivery) => ({ delivery, outcome, timing }));
  }
  const middle = Math.ceil(batch.length / 2);
  const first = await attempt(sink, batch.slice(0, middle), signal);
  return [...first, ...(await attempt(sink, batch.slice(middle), signal))];
}

const missingOutcome: Outcome = {
  kind: 'rejected',
  cause: 'plugin',
  reason: 'the sink gave fewer outcomes than it was given deliveries',
};

/** A timer of our own, since a plugin that hangs is not listening to a signal either. */
function outcomesOf(
  sink: Sink,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<Outcome | readonly Outcome[]> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve({ kind: 'retry', cause: 'deadline', reason: `no outcome after ${deadlineMs / 1_000} s` });
    }, deadlineMs).unref();
    void callSink(sink, batch, signal).then((outcome) => {
      clearTimeout(timer);
      resolve(outcome);
    });
  });
}

async function callSink(
  sink: Sink,
  batch: readonly Delivery[],
  signal: AbortSignal,
): Promise<Outcome | readonly Outcome[]> {
  try {
    return await sink.deliver(batch.map(marked), signal);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'rejected', cause: 'plugin', reason: `the sink's code failed: ${reason}` };
  }
}

/** Told by a tag, so that every sink tells it and nobody takes an old alert for news. */
function marked(delivery: Delivery): Delivery {
  if (!delivery.replay) return delivery;
  return { ...delivery, alert: { ...delivery.alert, tags: [replayTag, ...delivery.alert.tags] } };
}

function isList(outcomes: Outcome | readonly Outcome[]): outcomes is readonly Outcome[] {
  return Array.isArray(outcomes);
}
