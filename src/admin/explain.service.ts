import { Injectable } from '@nestjs/common';
import { Journal, type AlertQuery, type AlertRecord, type Page, type AlertSummary } from '../core/journal.js';
import { Router, without } from '../routing/router.js';
import { AdminOptions } from './admin.options.js';
import { tellDelivery, tellReasons, type Story } from './story.js';

/** Others of the same name that are counted, and of those how many are shown. */
const mostOthers = 100;
const mostShown = 20;
/** Of a finding: more than that wait for one sink at most once in a blue moon. */
const mostWaiting = 500;

type Found = Pick<Story, 'foundBy' | 'others'> & { readonly record: AlertRecord };

/** Puts together the story of an alert from what the journal has and what the config says now. */
@Injectable()
export class ExplainService {
  constructor(
    private readonly journal: Journal,
    private readonly router: Router,
    private readonly options: AdminOptions,
  ) {}

  /** By our id, the fingerprint (64 hex digits) or the vendor's id; of several the newest. */
  async explain(name: string): Promise<Story | undefined> {
    const found =
      (await this.#byId(name)) ?? (await this.#byFingerprint(name)) ?? (await this.#newestOf('vendorId', name));
    if (!found) return undefined;
    const { record, foundBy, others } = found;
    const { sinks } = await this.journal.counts();
    const now = Date.now();
    const deliveries = record.deliveries.map(async (delivery) => {
      const parked = sinks.find(({ sink }) => sink === delivery.sink)?.parked;
      const before = delivery.state === 'pending' ? await this.#before(record, delivery.sink) : undefined;
      const isConfigured = this.options.sinks.some(({ name: configured }) => configured === delivery.sink);
      const standing = { isConfigured, ...(parked && { parked }), ...(before !== undefined && { before }) };
      return tellDelivery(delivery, standing, now);
    });
    return {
      ...record,
      deliveries: await Promise.all(deliveries),
      ...this.#reasons(record),
      routesSince: this.options.routesSince,
      foundBy,
      others,
    };
  }

  #reasons({ alert, routes, request }: AlertRecord): Pick<Story, 'reasons' | 'goneRoutes'> {
    const source = this.options.sources.find(({ name }) => name === request.source);
    const now = without(this.router.decide(alert), source?.about?.(alert));
    return tellReasons(this.router.explain(alert), routes, now.routes);
  }

  async #byId(name: string): Promise<Found | undefined> {
    const id = name.toLowerCase();
    const record = await this.journal.alert(id);
    // The journal cuts its keys to half a digest: what is asked for must be the whole id.
    if (record?.alert.id !== id) return undefined;
    return { record, foundBy: 'id', others: { count: 0, isAll: true, newest: [] } };
  }

  async #byFingerprint(name: string): Promise<Found | undefined> {
    return /^[0-9a-f]{64}$/i.test(name) ? this.#newestOf('fingerprint', name.toLowerCase()) : undefined;
  }

  async #newestOf(foundBy: 'fingerprint' | 'vendorId', name: string): Promise<Found | undefined> {
    const query: AlertQuery = { [foundBy]: name };
    const { items, next }: Page<AlertSummary> = await this.journal.alerts(query, { limit: mostOthers + 1 });
    const [newest, ...others] = items;
    const record = newest && (await this.journal.alert(newest.id));
    if (!record) return undefined;
    const shown = others.slice(0, mostShown);
    return { record, foundBy, others: { count: others.length, isAll: next === undefined, newest: shown } };
  }

  /** The oldest alert of the finding that a sink is owed, where that is not this one. */
  async #before({ alert }: AlertRecord, sink: string): Promise<string | undefined> {
    const query: AlertQuery = { fingerprint: alert.fingerprint, sink, deliveryState: 'pending' };
    const { items } = await this.journal.alerts(query, { limit: mostWaiting });
    const oldest = items.at(-1)?.id;
    return oldest === alert.id ? undefined : oldest;
  }
}
