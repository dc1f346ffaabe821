/** Waits for what others may wait for, too: an abort ends this waiting alone. */
export function untilAborted<T>(pending: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return pending;
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abort, { once: true });
    void pending.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}
