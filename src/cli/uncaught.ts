import type { ActivityStream } from '../core/activity.js';

const windowMs = 10_000;
/** So many in a window are no accident of one plugin any more. */
const most = 100;

/**
 * Lets the process live when code that nobody waits for throws, such as a timer of a plugin: what was accepted is on
 * disk, and one plugin should not end the deliveries of all. Each is told as a fault. A storm of them ends the process.
 */
export function surviveUncaught(activity: ActivityStream, end: () => void): void {
  let counted = 0;
  let since = 0;
  const tell = (error: unknown): void => {
    const at = Date.now();
    if (at - since > windowMs || at < since) [counted, since] = [0, at];
    counted += 1;
    if (counted > most) {
      end();
      return;
    }
    const reason = `nobody caught: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
    activity.next({ kind: 'fault', at, part: 'process', reason });
  };
  process.on('uncaughtException', tell);
  process.on('unhandledRejection', tell);
}
