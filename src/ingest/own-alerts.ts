import { Injectable, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Subscription } from 'rxjs';
import { ActivityStream, type Activity } from '../core/activity.js';
import { Journal } from '../core/journal.js';
import { IngestService } from './ingest.service.js';
import { ownAlertSource, type OwnReport } from './own-source.js';

const againMs = 1_000;

/**
 * Reports what happens to the sinks and the pulls as alerts of the router's own, on the way of every alert: kept, routed, delivered.
 * One that could not be kept is tried again. After a restart the sinks that are still parked are reported once more,
 * which makes duplicates of what was kept before, and an alert of what a crash came before.
 */
@Injectable()
export class OwnAlerts implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  #subscription: Subscription | undefined;
  /** One after the other, so that a sink is resumed after it was parked. */
  #reporting = Promise.resolve();
  readonly #stop = new AbortController();

  constructor(
    private readonly ingest: IngestService,
    private readonly journal: Journal,
    private readonly activity: ActivityStream,
  ) {}

  onModuleInit(): void {
    this.#subscription = this.activity.subscribe((activity) => {
      const report = reportOf(activity);
      if (report) this.#report(report);
    });
  }

  onApplicationBootstrap(): void {
    this.#next(async () => {
      const { sinks } = await this.journal.counts();
      for (const { sink, parked } of sinks) {
        if (!parked) continue;
        const { reason, since } = parked;
        this.#report({ event: 'sink-parked', sink, reason, since, at: since });
      }
    });
  }

  onApplicationShutdown(): void {
    this.#subscription?.unsubscribe();
    this.#stop.abort();
  }

  #report(report: OwnReport): void {
    const request = {
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(report)),
      path: '',
      remoteAddress: '',
    };
    this.#next(() => this.ingest.accept(ownAlertSource, request));
  }

  #next(step: () => Promise<unknown>): void {
    this.#reporting = this.#reporting.then(() => this.#insist(step));
  }

  async #insist(step: () => Promise<unknown>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        await step();
        return;
      } catch {
        // The journal says why at every other request; this one has nobody to answer.
        await sleep(againMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    }
  }
}

function reportOf(activity: Activity): OwnReport | undefined {
  switch (activity.kind) {
    case 'parked': {
      const { sink, reason, since, at } = activity;
      return { event: 'sink-parked', sink, reason, since, at };
    }
    case 'resumed': {
      const { sink, since, at } = activity;
      return { event: 'sink-resumed', sink, since, at };
    }
    case 'pull-parked': {
      const { source, reason, since, at } = activity;
      return { event: 'pull-parked', source, reason, since, at };
    }
    case 'pull-resumed': {
      const { source, since, at } = activity;
      return { event: 'pull-resumed', source, since, at };
    }
    default:
      return undefined;
  }
}
