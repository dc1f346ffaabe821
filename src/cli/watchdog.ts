import { Worker } from 'node:worker_threads';

const beatMs = 500;

/** What the watching thread is given: a counter that moves while the event loop does. */
export type WatchdogData = { readonly beats: Int32Array; readonly limitMs: number };

/**
 * Watches the event loop from another thread, for one that stands still cannot tell of it: past the limit a line of
 * the log says so, and another one when it moves again. Meanwhile `/healthz` answers nobody.
 */
export function watchEventLoop(limitMs: number, workerUrl = new URL('./watchdog.worker.js', import.meta.url)): void {
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  setInterval(() => {
    Atomics.add(beats, 0, 1);
  }, beatMs).unref();
  const workerData: WatchdogData = { beats, limitMs };
  new Worker(workerUrl, { workerData, env: {}, execArgv: [] }).unref();
}
