import type { ServerResponse } from 'node:http';
import type { Observable } from 'rxjs';
import type { Activity } from '../core/activity.js';

/** Both given: both must hold. */
export type TailFilter = { readonly source?: string; readonly sink?: string };

export type TailLimits = {
  /** How often a silent stream says that it is alive. */
  readonly heartbeatMs: number;
  /** What may wait for a slow reader; beyond it activities are left out and counted. */
  readonly maxBufferedBytes: number;
};

/** What the reader is told of an activity: enough to follow an alert; its whole is one question away. */
type TailEvent = Record<string, unknown> & { readonly kind: string };

/**
 * Writes what happens to a response as server-sent events (WHATWG HTML §9.2), from now until the reader goes or the
 * stream ends. A reader too slow for it gets `missed` with a number in place of what it could not take.
 */
export function streamTail(
  activities: Observable<Activity>,
  response: ServerResponse,
  filter: TailFilter,
  limits: TailLimits,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  response.flushHeaders();
  let missed = 0;
  const catchUp = (): boolean => {
    if (response.writableLength > limits.maxBufferedBytes) return false;
    if (missed > 0) response.write(frame({ kind: 'missed', count: missed }));
    missed = 0;
    return true;
  };
  const heartbeat = setInterval(() => {
    if (catchUp()) response.write(': alive\n\n');
  }, limits.heartbeatMs);
  const subscription = activities.subscribe({
    next: (activity) => {
      if (!passes(activity, filter)) return;
      if (catchUp()) response.write(frame(toTailEvent(activity)));
      else missed += 1;
    },
    complete: () => {
      clearInterval(heartbeat);
      response.end();
    },
  });
  response.on('close', () => {
    clearInterval(heartbeat);
    subscription.unsubscribe();
  });
}

function passes(activity: Activity, { source, sink }: TailFilter): boolean {
  return (source === undefined || sourceOf(activity) === source) && (sink === undefined || concerns(activity, sink));
}

function sourceOf(activity: Activity): string | undefined {
  return 'source' in activity ? activity.source : undefined;
}

function concerns(activity: Activity, sink: string): boolean {
  if (activity.kind === 'looked-up') return activity.sinks.includes(sink);
  if (activity.kind === 'received') return activity.alerts.some(({ sinks }) => sinks.includes(sink));
  return 'sink' in activity && activity.sink === sink;
}

function toTailEvent(activity: Activity): TailEvent {
  if (activity.kind !== 'received') return activity;
  return {
    ...activity,
    alerts: activity.alerts.map(({ alert: { kind, state, severity, title }, ...rest }) => ({
      ...rest,
      kind,
      state,
      severity,
      title,
    })),
  };
}

/** JSON has no line break in it, so one `data` line is enough. */
function frame(event: TailEvent): string {
  return `event: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
}
