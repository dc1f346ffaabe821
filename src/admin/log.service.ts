import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { Subscription } from 'rxjs';
import { ActivityStream, type Activity } from '../core/activity.js';
import { isOld } from '../core/pressure.js';
import { AdminOptions } from './admin.options.js';
import { LineLimit, linesPerSecond } from './line-limit.js';
import { Log } from './log.js';

type Of<Kind extends Activity['kind']> = Extract<Activity, { kind: Kind }>;

/** Texts of vendors and of the other side, in code units. */
const maxText = 500;
/** Of the alerts of one request; the journal has them all. */
const maxIds = 20;

/** Tells the log what happens: one line per event, the everyday ones at debug level. */
@Injectable()
export class LogService implements OnModuleInit, OnApplicationShutdown {
  #subscription: Subscription | undefined;
  readonly #refusals: LineLimit;
  readonly #failures: LineLimit;
  /** The sinks of which was told that they are owed something old. */
  readonly #behind = new Set<string>();

  constructor(
    private readonly activity: ActivityStream,
    private readonly log: Log,
    private readonly options: AdminOptions,
  ) {
    this.#refusals = this.#limit('more requests were refused');
    this.#failures = this.#limit('more deliveries failed');
  }

  onModuleInit(): void {
    this.#subscription = this.activity.subscribe((activity) => {
      this.#write(activity);
    });
  }

  onApplicationShutdown(): void {
    this.#subscription?.unsubscribe();
    this.#refusals.flush();
    this.#failures.flush();
  }

  #write(activity: Activity): void {
    switch (activity.kind) {
      case 'received':
        this.#received(activity);
        break;
      case 'refused': {
        const { source, status, reason, remoteAddress } = activity;
        if (this.#refusals.take()) this.log.warn({ source, status, remoteAddress, reason: cut(reason) }, 'refused');
        break;
      }
      case 'attempted':
        this.#attempted(activity);
        break;
      case 'parked':
        this.log.error({ sink: activity.sink, reason: cut(activity.reason) }, 'sink parked: it waits for an operator');
        break;
      case 'resumed':
        this.log.info({ sink: activity.sink }, 'sink resumed');
        break;
      case 'looked-up':
        this.#lookedUp(activity);
        break;
      case 'pulled':
        this.#pulled(activity);
        break;
      case 'pull-failed': {
        const { source, reason, failures, againAt } = activity;
        const again = new Date(againAt).toISOString();
        this.log.warn({ source, reason: cut(reason), failures, again }, 'pull failed');
        break;
      }
      case 'pull-parked': {
        const { source, reason, by } = activity;
        const facts = { source, reason: cut(reason), parkedBy: by };
        this.log.error(facts, 'pull parked: it waits for an operator; the webhook goes on');
        break;
      }
      case 'pull-resumed':
        this.log.info({ source: activity.source }, 'pull resumed');
        break;
      case 'pressure':
        this.#pressed(activity);
        break;
      case 'reloaded':
        this.#reloaded(activity);
        break;
      case 'reload-failed': {
        const { trigger, problems } = activity;
        this.log.error({ trigger, problems: problems.map(cut) }, 'config not reloaded: the one before goes on');
        break;
      }
      case 'replay': {
        const { id, mode, state, looked, owed, outdated, unconfigured } = activity;
        this.log.info({ replay: id, mode, looked, owed, outdated, unconfigured }, `replay ${state}`);
        break;
      }
      case 'reread': {
        const { source, requestId, accepted, duplicates, quarantined } = activity;
        this.log.info({ source, requestId, accepted, duplicates, quarantined }, 'quarantine read again');
        break;
      }
      case 'fault':
        this.log.error({ part: activity.part, sink: activity.sink, reason: cut(activity.reason) }, 'fault');
    }
  }

  #received({ source, requestId, remoteAddress, bytes, durationMs, alerts, unread, probe }: Of<'received'>): void {
    const request = { source, requestId, remoteAddress };
    if (unread.length > 0) {
      this.log.warn({ ...request, parts: unread.length, reason: cut(unread[0]?.reason) }, 'quarantined');
    }
    if (probe !== undefined) this.log.info({ ...request, probe: cut(probe) }, 'probe');
    if (!this.log.isLevelEnabled('debug')) return;
    const duplicates = alerts.filter(({ status }) => status === 'duplicate').length;
    const counts = { accepted: alerts.length - duplicates, duplicates, quarantined: unread.length };
    const ids = alerts.slice(0, maxIds).map(({ id }) => id);
    this.log.debug({ ...request, bytes, durationMs, ...counts, alerts: ids }, 'received');
  }

  /** An answer is what is expected. What was not asked comes in floods: metrics count it. */
  #lookedUp({ source, alertId, lookup: { outcome, durationMs, reason, added, isLate } }: Of<'looked-up'>): void {
    const facts = { source, alertId, outcome, durationMs, ...(isLate && { isLate }) };
    if (outcome === 'unknown') this.log.warn(facts, 'the vendor does not know this alert');
    else if (outcome === 'failed' || outcome === 'timeout') {
      this.log.warn({ ...facts, reason: cut(reason) }, 'an alert could not be looked up');
    } else this.log.debug({ ...facts, added, reason: cut(reason) }, 'looked up');
  }

  /** What it brought that no webhook had is worth a line each time. */
  #pulled({ source, pages, accepted, duplicates, quarantined, isCaughtUp, durationMs }: Of<'pulled'>): void {
    const facts = { source, pages, accepted, duplicates, quarantined, isCaughtUp, durationMs };
    if (accepted > 0) this.log.info(facts, 'pulled what no webhook had brought');
    else this.log.debug(facts, 'pulled');
  }

  #reloaded({ trigger, sources, sinks, routes, needsRestart, warnings }: Of<'reloaded'>): void {
    this.log.info({ trigger, sources, sinks, routes }, 'config reloaded');
    if (needsRestart.length > 0) this.log.warn({ blocks: needsRestart }, 'these changes of the config need a restart');
    if (trigger !== 'secret' && warnings.length > 0) this.log.warn({ warnings: warnings.map(cut) }, 'config warnings');
  }

  #attempted(activity: Of<'attempted'>): void {
    const { sink, alertId, attempt, next } = activity;
    const { outcome, cause, reason, answer, durationMs } = attempt;
    const facts = { sink, alertId, attempt: attempt.attempt, durationMs };
    if (next === 'delivered') {
      this.#behind.delete(sink);
      this.log.debug(facts, 'delivered');
      return;
    }
    if (next === 'pending') this.#owed(activity);
    const trouble = { ...facts, outcome, cause, status: answer?.status, reason: cut(reason) };
    // Every dead letter is somebody's to look at; attempts that will be made again are not.
    if (next === 'dead') this.log.error(trouble, 'dead letter');
    else if (this.#failures.take()) this.log.warn(trouble, 'attempt failed');
  }

  /** Once for each sink, until it takes something again. A replay begins anew. */
  #owed({ sink, alertId, at, acceptedAt, isReplay }: Of<'attempted'>): void {
    const { maxAge } = this.options;
    if (isReplay || this.#behind.has(sink) || !isOld(acceptedAt, at, maxAge)) return;
    this.#behind.add(sink);
    const givenUp = new Date(acceptedAt + maxAge).toISOString();
    this.log.warn(
      { sink, alertId, accepted: new Date(acceptedAt).toISOString(), givenUp },
      'backlog old: given up soon',
    );
  }

  #pressed({ level, fill, pending }: Of<'pressure'>): void {
    const facts = { percent: Math.round(100 * fill), ...pending };
    if (level === 'full') this.log.error(facts, 'backlog full: webhooks are answered 503');
    else if (level === 'high') this.log.warn(facts, 'backlog high: at 100 % webhooks are answered 503');
    else this.log.info(facts, 'backlog normal again');
  }

  #limit(message: string): LineLimit {
    return new LineLimit({
      perSecond: linesPerSecond,
      onSuppressed: (count) => {
        this.log.warn({ count }, message);
      },
    });
  }
}

function cut(text: string | undefined): string | undefined {
  return text !== undefined && text.length > maxText ? `${text.slice(0, maxText)}…` : text;
}
