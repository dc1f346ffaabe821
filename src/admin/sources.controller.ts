import { Body, Controller, Get, HttpCode, NotFoundException, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { EnrichmentView, type EnrichmentStanding } from '../core/enrichment-view.js';
import { Journal, type JournalCounts, type Parked } from '../core/journal.js';
import { PullControl, type PullStanding } from '../core/pull-control.js';
import type { PullState } from '../core/reconciliation.js';
import { rfc3339 } from '../kit/time.js';
import { AdminOptions } from './admin.options.js';
import { Needs } from './needs.js';
import { ParkBody } from './park.body.js';

/** Times are RFC 3339. */
type PullView = {
  readonly state: PullStanding['kind'];
  /** Why it is parked or fails; for how many pulls in a row; since when and by whom it is parked. */
  readonly reason?: string;
  readonly failures?: number;
  readonly since?: string;
  readonly parkedBy?: Parked['by'];
  /** When the next one begins, by itself. */
  readonly next?: string;
  /** Where the first pull began, when the last page came, and when one last came to the end of what the vendor has. */
  readonly from?: string;
  readonly page?: string;
  readonly caughtUp?: string;
};

/** How asking the vendor for alerts does. `resting`: its API failed, and is left alone until then (RFC 3339). */
type LookupsView = Omit<EnrichmentStanding, 'until'> & { readonly until?: string };

export type SourceView = {
  readonly name: string;
  readonly type: string;
  readonly vendor: string;
  readonly product: string;
  /** Since the journal began. */
  readonly counts: Omit<JournalCounts['sources'][number], 'source'>;
  /** Only of a source whose vendor is asked for its alerts. */
  readonly lookups?: LookupsView;
  /** Only of a source that pulls. */
  readonly pull?: PullView;
};

@ApiTags('config')
@Controller('api/v1/sources')
export class SourcesController {
  constructor(
    private readonly options: AdminOptions,
    private readonly journal: Journal,
    private readonly control: PullControl,
    private readonly enrichment: EnrichmentView,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The configured sources, what they sent since the journal began, and how their pulls do.' })
  async list(): Promise<{ readonly items: readonly SourceView[] }> {
    const counts = await this.journal.counts();
    const none = { requests: 0, accepted: 0, duplicates: 0, quarantined: 0, probes: 0, unrouted: 0 };
    return {
      items: this.options.sources.map(({ name, type, vendor, product }) => {
        const { source: _source, ...own } = counts.sources.find((each) => each.source === name) ?? {
          source: name,
          ...none,
        };
        const standing = this.control.standing(name);
        const pull =
          standing &&
          viewOf(
            standing,
            counts.pulls.find(({ source }) => source === name),
          );
        const lookups = lookupsOf(this.enrichment.standing(name));
        return { name, type, vendor, product, counts: own, ...(lookups && { lookups }), ...(pull && { pull }) };
      }),
    };
  }

  @Post(':name/pull/park')
  @Needs('operator')
  @HttpCode(204)
  @ApiOperation({ summary: 'Holds the pull of a source until an operator resumes it; its webhook goes on.' })
  async park(@Param('name') name: string, @Body() { reason }: ParkBody): Promise<void> {
    this.#mustPull(name);
    await this.control.park(name, reason);
  }

  @Post(':name/pull/resume')
  @Needs('operator')
  @HttpCode(204)
  @ApiOperation({ summary: 'Goes on with a parked pull, whoever parked it; one that waits begins now.' })
  async resume(@Param('name') name: string): Promise<void> {
    this.#mustPull(name);
    await this.control.resume(name);
  }

  #mustPull(name: string): void {
    if (this.control.standing(name)) return;
    throw new NotFoundException('There is no source of this name in the config that pulls.');
  }
}

function lookupsOf(standing: EnrichmentStanding | undefined): LookupsView | undefined {
  if (!standing) return undefined;
  const { until, ...rest } = standing;
  return { ...rest, ...(until !== undefined && { until: rfc3339(until) }) };
}

function viewOf(standing: PullStanding, state: PullState | undefined): PullView {
  const { parked, since, pageAt, caughtUpAt } = state ?? {};
  const failure = standing.kind === 'failing' ? standing : undefined;
  const nextAt = 'nextAt' in standing ? standing.nextAt : undefined;
  return {
    state: parked ? 'parked' : standing.kind,
    ...(failure && { reason: failure.reason, failures: failure.failures }),
    ...(parked && { reason: parked.reason, since: rfc3339(parked.since), parkedBy: parked.by }),
    ...(nextAt !== undefined && { next: rfc3339(nextAt) }),
    ...(since !== undefined && { from: rfc3339(since) }),
    ...(pageAt !== undefined && { page: rfc3339(pageAt) }),
    ...(caughtUpAt !== undefined && { caughtUp: rfc3339(caughtUpAt) }),
  };
}
