import type { Journal } from '../core/journal.js';

/** Between two looks at what is old, and between two steps while there is some: the writer serves others meanwhile. */
const restMs = 60_000;
const stepMs = 200;

/** Purges a journal of what is past its retention, from time to time. Returns what stops it. */
export function keepRetention(journal: Journal, failed: (error: unknown) => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = (ms: number): void => {
    timer = setTimeout(() => void step(), ms);
    timer.unref();
  };
  const step = async (): Promise<void> => {
    try {
      wait((await journal.purge(Date.now())) > 0 ? stepMs : restMs);
    } catch (error) {
      failed(error);
      wait(restMs);
    }
  };
  wait(restMs);
  return () => {
    clearTimeout(timer);
  };
}
