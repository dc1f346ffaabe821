import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { acceptedRequest, type RequestOf } from '../../test/support/accepted-request.js';
import { receivedActivity } from '../../test/support/activities.js';
import { ActivityStream, type Activity } from '../core/activity.js';
import type { Attempt } from '../core/journal.js';
import type { AdminOptions } from './admin.options.js';
import { createLog, NestLog } from './log.js';
import { LogService } from './log.service.js';

const at = Date.parse('2026-03-01T12:00:00Z');

let lines: string[];
let activity: ActivityStream;
let service: LogService;

function start(level: string): void {
  lines = [];
  activity = new ActivityStream();
  const options = { maxAge: 100_000 } as AdminOptions;
  service = new LogService(activity, createLog(level, { write: (line) => lines.push(line) }), options);
  service.onModuleInit();
}

/** The lines as objects, without their time. */
function told(): readonly object[] {
  return lines.map((line) => {
    expect(line).toMatch(/^\{[^\n]*\}\n$/);
    const { time, ...fields } = JSON.parse(line) as { time: string };
    expect(Date.parse(time)).not.toBeNaN();
    return fields;
  });
}

describe('the log', () => {
  beforeEach(() => {
    jest.useFakeTimers();
    start('info');
  });
  afterEach(() => {
    service.onApplicationShutdown();
    jest.useRealTimers();
  });

  it('tells once of a sink that is owed something old, before it is given up', () => {
    const attempt: Attempt = { attempt: 9, at, durationMs: 12, outcome: 'retry', reason: 'HTTP 503' };
    const failed = (ageMs: number, changed: Partial<Extract<Activity, { kind: 'attempted' }>> = {}) => {
      const facts = { sink: 'pager', alertId: 'a-1', acceptedAt: at - ageMs, attempt, next: 'pending' } as const;
      activity.next({ kind: 'attempted', at, ...facts, ...changed });
    };
    const old = () => told().filter((line) => 'msg' in line && line.msg === 'backlog old: given up soon');
    failed(79_999);
    failed(90_000, { isReplay: true });
    failed(100_000, { next: 'dead' });
    expect(old()).toEqual([]);
    failed(80_000);
    failed(95_000);
    failed(85_000, { sink: 'lake' });
    expect(old()).toMatchObject([
      { level: 'warn', sink: 'pager', alertId: 'a-1', givenUp: '2026-03-01T12:00:20.000Z' },
      { level: 'warn', sink: 'lake' },
    ]);
    failed(81_000, { next: 'delivered' });
    failed(82_000);
    expect(old()).toHaveLength(3);
  });

  it('tells of pulls what an operator should know', () => {
    const source = 'warden';
    const sums = { pages: 1, accepted: 0, duplicates: 4, quarantined: 0, isCaughtUp: true, durationMs: 5 };
    activity.next({ kind: 'pulled', at, source, ...sums });
    activity.next({ kind: 'pulled', at, source, ...sums, accepted: 2 });
    activity.next({ kind: 'pull-failed', at, source, reason: 'status 429', failures: 2, againAt: at });
    activity.next({ kind: 'pull-parked', at, source, reason: 'status 401', since: at, by: 'router' });
    activity.next({ kind: 'pull-resumed', at, source, since: at, by: 'operator' });
    expect(told()).toMatchObject([
      { level: 'info', source, accepted: 2, msg: 'pulled what no webhook had brought' },
      { level: 'warn', source, reason: 'status 429', failures: 2, again: '2026-03-01T12:00:00.000Z' },
      {
        level: 'error',
        source,
        reason: 'status 401',
        msg: 'pull parked: it waits for an operator; the webhook goes on',
      },
      { level: 'info', source, msg: 'pull resumed' },
    ]);
  });

  it('is silent about what goes well, unless asked', () => {
    activity.next(received({ body: Buffer.alloc(100) }));
    activity.next(attempted({ outcome: 'delivered' }, 'delivered'));
    expect(lines).toEqual([]);

    start('debug');
    activity.next(received({ body: Buffer.alloc(100) }));
    activity.next(attempted({ outcome: 'delivered' }, 'delivered'));
    expect(told()).toMatchObject([
      { level: 'debug', msg: 'received', source: 'warden', accepted: 1, duplicates: 0, quarantined: 0, bytes: 100 },
      { level: 'debug', msg: 'delivered', sink: 'pager', alertId: 'a-1', attempt: 1 },
    ]);
  });

  it('has a line for each thing that somebody should know', () => {
    activity.next(received({ unread: [{ index: 3, reason: 'not an object' }], probe: 'hello' }));
    activity.next({ kind: 'refused', at, source: 'warden', status: 401, reason: 'no', remoteAddress: '192.0.2.1' });
    activity.next(attempted({ outcome: 'retry', cause: 'http', reason: 'busy', answer: { status: 503 } }, 'pending'));
    activity.next(attempted({ outcome: 'rejected', cause: 'http', reason: 'bad', answer: { status: 400 } }, 'dead'));
    activity.next({ kind: 'parked', at, sink: 'pager', reason: 'HTTP 403', since: at, by: 'router' });
    activity.next({ kind: 'resumed', at, sink: 'pager', since: at, by: 'router' });
    activity.next({ kind: 'fault', at, part: 'delivery', sink: 'pager', reason: 'it threw' });
    expect(told()).toMatchObject([
      { level: 'warn', msg: 'quarantined', source: 'warden', parts: 1, reason: 'not an object' },
      { level: 'info', msg: 'probe', source: 'warden', probe: 'hello' },
      { level: 'warn', msg: 'refused', source: 'warden', status: 401, remoteAddress: '192.0.2.1', reason: 'no' },
      { level: 'warn', msg: 'attempt failed', sink: 'pager', outcome: 'retry', cause: 'http', status: 503 },
      { level: 'error', msg: 'dead letter', sink: 'pager', alertId: 'a-1', outcome: 'rejected', reason: 'bad' },
      { level: 'error', sink: 'pager', reason: 'HTTP 403' },
      { level: 'info', msg: 'sink resumed', sink: 'pager' },
      { level: 'error', msg: 'fault', part: 'delivery', sink: 'pager', reason: 'it threw' },
    ]);
  });

  it('cannot be forged, coloured or filled by what a vendor says', () => {
    const reason = `\r\n{"level":"info"}\u001b[2J\u009b\u2028\u202e%s${'x'.repeat(5_000)}`;
    activity.next(received({ unread: [{ reason }] }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[\x20-\x7e…]*\n$/);
    expect(lines[0]?.length).toBeLessThan(1_000);
    expect(told()).toMatchObject([{ reason: `${reason.slice(0, 500)}…` }]);
  });

  it('has ten lines a second for strangers who knock, and the number of the others', () => {
    const refused: Activity = { kind: 'refused', at, status: 401, reason: 'no', remoteAddress: '192.0.2.1' };
    for (let count = 0; count < 1_000; count++) activity.next(refused);
    expect(lines).toHaveLength(10);
    jest.advanceTimersByTime(1_000);
    expect(told().at(-1)).toMatchObject({ level: 'warn', msg: 'more requests were refused', count: 990 });
    activity.next(refused);
    expect(told().at(-1)).toMatchObject({ msg: 'refused' });
    jest.advanceTimersByTime(1_000);
    expect(lines).toHaveLength(12);
  });

  it('has every dead letter, but not every attempt that failed', () => {
    for (let count = 0; count < 100; count++) activity.next(attempted({ outcome: 'retry' }, 'pending'));
    for (let count = 0; count < 100; count++) activity.next(attempted({ outcome: 'rejected' }, 'dead'));
    service.onApplicationShutdown();
    expect(lines).toHaveLength(10 + 100 + 1);
    expect(told().at(-1)).toMatchObject({ msg: 'more deliveries failed', count: 90 });
  });
});

describe("the framework's messages", () => {
  it('are lines of the same log', () => {
    lines = [];
    const nest = new NestLog(createLog('debug', { write: (line) => lines.push(line) }));
    nest.log('Mapped {/healthz, GET} route', 'RouterExplorer');
    nest.warn('careful', 'Injector');
    nest.error('it failed', 'Error: it failed\n    at x', 'ExceptionsHandler');
    expect(told()).toEqual([
      { level: 'debug', context: 'RouterExplorer', msg: 'Mapped {/healthz, GET} route' },
      { level: 'warn', context: 'Injector', msg: 'careful' },
      { level: 'error', context: 'ExceptionsHandler', stack: 'Error: it failed\n    at x', msg: 'it failed' },
    ]);
  });
});

function received(request: Omit<RequestOf, 'receivedAt'>): Activity {
  return receivedActivity(acceptedRequest({ receivedAt: at, ...request }, {}));
}

function attempted(attempt: Partial<Attempt>, next: 'delivered' | 'pending' | 'dead'): Activity {
  const whole = { attempt: 1, at, durationMs: 5, outcome: 'retry', ...attempt } as const;
  return { kind: 'attempted', at, sink: 'pager', alertId: 'a-1', acceptedAt: at, attempt: whole, next };
}
