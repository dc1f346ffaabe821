import type {
  ReplayCandidate,
  ReplayCandidates,
  ReplayRecord,
  ReplayRequest,
  ReplaySelect,
  ReplayStep,
  UnfinishedReplay,
} from '../../core/replay.js';
import type { Page, PageRequest } from '../../core/journal.js';
import type { KeptAlert, KeptDelivery, KeptFinding, KeptReplay } from './kept.js';
import { matches, pageOf } from './records.js';

const alertsPerStretch = 200;

/** What operators asked to be sent again. The journal makes due what `advance` says. */
export class Replays {
  readonly #kept: KeptReplay[] = [];

  get newest(): number {
    return this.#kept.length;
  }

  start(id: string, request: ReplayRequest, createdAt: number): ReplayRecord {
    const text = JSON.stringify(request);
    const same = this.#kept.find(
      ({ record }) =>
        (request.key !== undefined && record.key === request.key) ||
        (record.finishedAt === undefined && JSON.stringify(requestOf(record)) === text),
    );
    if (same) return same.record;
    const none = { looked: 0, owed: 0, pending: 0, delivered: 0, dead: 0, outdated: 0, unconfigured: 0 };
    const record: ReplayRecord = { ...request, id, createdAt, ...none };
    this.#kept.push({ seq: this.#kept.length + 1, record });
    return record;
  }

  find(id: string): KeptReplay | undefined {
    return this.#kept.find(({ record }) => record.id === id);
  }

  list(page: PageRequest): Page<ReplayRecord> {
    return pageOf(this.#kept, page, ({ record }) => record);
  }

  unfinished(): readonly UnfinishedReplay[] {
    return this.#kept
      .filter(({ record }) => record.finishedAt === undefined)
      .map(({ record, place }) => ({ replay: record, ...(place !== undefined && { place }) }));
  }

  /** Whether a step decided at that place is the next one. */
  isAt({ record, place }: KeptReplay, from: string | undefined): boolean {
    return record.finishedAt === undefined && place === from;
  }

  advance(kept: KeptReplay, step: ReplayStep, owed: number, now: number): ReplayRecord {
    const { record } = kept;
    kept.place = step.place;
    kept.record = {
      ...record,
      ...(step.place === undefined && { finishedAt: now }),
      looked: record.looked + step.looked,
      owed: record.owed + owed,
      pending: record.pending + owed,
      outdated: record.outdated + step.outdated,
      unconfigured: record.unconfigured + step.unconfigured,
    };
    return kept.record;
  }
}

function requestOf({ mode, select, rate, force, key }: ReplayRecord): ReplayRequest {
  return { mode, select, rate, force, ...(key !== undefined && { key }) };
}

/** As the SQLite journal finds them: a stretch in the order accepted, `place` being the last one looked at. */
export function candidatesOf(
  alerts: Iterable<KeptAlert>,
  findings: ReadonlyMap<string, KeptFinding>,
  select: ReplaySelect,
  place = '0',
  limit = alertsPerStretch,
): ReplayCandidates {
  const looked = [...alerts]
    .filter((kept) => kept.seq > Number(place) && (select.ids?.includes(kept.alert.id) ?? true))
    .slice(0, limit);
  const last = looked.at(-1);
  return {
    items: looked.filter((kept) => isSelected(kept, select)).map((kept) => candidateOf(kept, findings)),
    ...(last && looked.length === limit && { next: String(last.seq) }),
  };
}

function isSelected(kept: KeptAlert, { ids: _ids, state, fault, sink, ...query }: ReplaySelect): boolean {
  if (!matches(kept, query)) return false;
  if (state === undefined && fault === undefined) return true;
  const isHit = (each: KeptDelivery) =>
    each.state === (state ?? each.state) && each.fault === (fault ?? each.fault) && each.sink === (sink ?? each.sink);
  return kept.deliveries.some(isHit);
}

function candidateOf(kept: KeptAlert, findings: ReadonlyMap<string, KeptFinding>): ReplayCandidate {
  const reports = findings.get(kept.alert.fingerprint)?.reports.values() ?? [];
  return {
    place: String(kept.seq),
    alert: kept.alert,
    isOutdated: kept.superseded || [...reports].some(({ as }) => as.seq > kept.seq && !as.superseded),
    deliveries: kept.deliveries.map(({ sink, state, fault }) => ({
      sink,
      state,
      ...(fault !== undefined && { fault }),
    })),
  };
}
