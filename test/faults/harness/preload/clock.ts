import { readFileSync } from 'node:fs';

/*
 * A wall clock that a test can set while the router runs, in each of its threads. The file of SIGNALBOX_CLOCK holds the
 * milliseconds by which it is wrong. As with a clock that NTP or an operator sets, only the wall clock jumps: timers and
 * `performance.now()` go on as they did.
 */

const minuteMs = 60_000;

const file = process.env['SIGNALBOX_CLOCK'];
const RealDate = Date;
const realNow = Date.now.bind(Date);
let lastOffset = 0;

function now(path: string): number {
  const text = readFileSync(path, 'utf8').trim();
  // Empty while it is being written.
  if (text !== '') lastOffset = Number(text);
  return realNow() + lastOffset;
}

/** What is done once a minute need not take a test a minute. */
function hurry(shortMs: number): void {
  const { setTimeout: realSetTimeout } = globalThis;
  const hurried = (callback: (...args: unknown[]) => void, ms = 0, ...args: unknown[]): NodeJS.Timeout =>
    realSetTimeout(callback, ms < minuteMs ? ms : (ms / minuteMs) * shortMs, ...args);
  globalThis.setTimeout = Object.defineProperties(
    hurried,
    Object.getOwnPropertyDescriptors(realSetTimeout),
  ) as typeof setTimeout;
}

if (file !== undefined) {
  hurry(Number(process.env['SIGNALBOX_MINUTE_MS']));
  RealDate.now = () => now(file);
  globalThis.Date = new Proxy(RealDate, {
    apply: () => new RealDate(now(file)).toString(),
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now(file)] : args, newTarget) as Date,
  });
}
