import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { ArrayMaxSize, ArrayMinSize, IsBoolean, IsOptional, IsUUID } from 'class-validator';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ActivityStream } from '../core/activity.js';
import { Journal, type QuarantinedRequest, type Reread } from '../core/journal.js';
import { reread } from '../routing/reread.js';
import { Router } from '../routing/router.js';
import type { NamedSource } from '../routing/triage.js';
import { AdminOptions } from './admin.options.js';
import { OptionalName, OptionalTime } from './optional.js';
import { Needs } from './needs.js';

const maxIds = 200;
const pageSize = 500;
/** What one call reads again; the rest is for the next. */
const mostRequests = 1_000;

/** Body of `POST /api/v1/quarantine/replay`; all given must hold. */
export class RereadBody {
  @ApiPropertyOptional({ type: [String], format: 'uuid', maxItems: maxIds, description: 'ids of requests' })
  @IsOptional()
  @ArrayMinSize(1)
  @ArrayMaxSize(maxIds)
  @IsUUID('all', { each: true })
  ids?: readonly string[];

  @OptionalName()
  source?: string;

  @OptionalTime('received at this time or later')
  from?: number;

  @OptionalTime('received before this time')
  until?: number;

  @ApiPropertyOptional({ default: false, description: 'count and show, and change nothing' })
  @IsBoolean()
  dryRun: boolean = false;
}

/** What became of quarantined requests that were read again. */
export type RereadResult = {
  readonly requests: number;
  readonly accepted: number;
  readonly duplicates: number;
  readonly probes: number;
  /** Parts that stay, by the reasons of today. */
  readonly quarantined: number;
  readonly reasons: readonly { readonly requestId: string; readonly index?: number; readonly reason: string }[];
  /** True where there are more than one call reads: ask again. */
  readonly more: boolean;
};

const mostReasons = 20;

/** What came of one request. */
type Reading = Pick<RereadResult, 'accepted' | 'duplicates' | 'probes'> & Pick<Reread, 'unread'>;

@ApiTags('alerts')
@Controller('api/v1/quarantine')
export class QuarantineController {
  constructor(
    private readonly options: AdminOptions,
    private readonly journal: Journal,
    private readonly router: Router,
    private readonly activity: ActivityStream,
  ) {}

  @Post('replay')
  @Needs('operator')
  @HttpCode(200)
  @ApiOperation({
    summary: "Reads what is in the quarantine once more, by today's sources and routes.",
    description:
      'What can be read becomes alerts of the old request, by the same rules for duplicates; the rest stays with the ' +
      'reason of today. Asked twice, nothing is accepted twice.',
  })
  async replay(@Body() body: RereadBody): Promise<RereadResult> {
    const ids = await this.#select(body);
    const sum = { requests: 0, accepted: 0, duplicates: 0, probes: 0, quarantined: 0 };
    const reasons: RereadResult['reasons'][number][] = [];
    // The first received first: so reports of one finding come in their order.
    for (const requestId of ids.slice(0, mostRequests)) {
      const stored = await this.journal.quarantined(requestId);
      const source = this.options.sources.find(({ name }) => name === stored?.source);
      if (!stored || !source) continue;
      const result = await this.#reread(source, stored, body.dryRun);
      if (!result) continue;
      const { accepted, duplicates, probes, unread } = result;
      if (!body.dryRun) {
        const counts = { accepted, duplicates, quarantined: unread.length };
        this.activity.next({ kind: 'reread', at: Date.now(), source: source.name, requestId, ...counts });
      }
      sum.requests += 1;
      sum.accepted += accepted;
      sum.duplicates += duplicates;
      sum.probes += probes;
      sum.quarantined += unread.length;
      reasons.push(...unread.map((part) => ({ requestId, ...part })).slice(0, mostReasons - reasons.length));
    }
    return { ...sum, reasons, more: ids.length > mostRequests };
  }

  /** Undefined where somebody else was faster, from the beginning. */
  async #reread(source: NamedSource, stored: QuarantinedRequest, isDry: boolean): Promise<Reading | undefined> {
    let sum: Reading | undefined;
    for (const made of reread(source, this.router, stored)) {
      if (!made) {
        await nextTurn();
        continue;
      }
      const receipt = isDry ? { alerts: made.alerts.map(() => undefined) } : await this.journal.reread(made);
      if (!receipt) return sum;
      const duplicates = receipt.alerts.filter((alert) => alert?.status === 'duplicate').length;
      const { accepted, duplicates: before } = sum ?? { accepted: 0, duplicates: 0 };
      sum = {
        accepted: accepted + receipt.alerts.length - duplicates,
        duplicates: before + duplicates,
        probes: made.probe === undefined ? 0 : 1,
        unread: made.unread,
      };
    }
    return sum;
  }

  /** Ids of requests, the first received first. */
  async #select({ ids, source, from = 0, until = Number.POSITIVE_INFINITY }: RereadBody): Promise<readonly string[]> {
    const found = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await this.journal.quarantine({ limit: pageSize, ...(cursor !== undefined && { cursor }) });
      for (const { requestId, source: its, receivedAt } of page.items) {
        const isWanted = (source ?? its) === its && (ids?.includes(requestId) ?? true);
        if (isWanted && receivedAt >= from && receivedAt < until) found.add(requestId);
      }
      cursor = page.next;
    } while (cursor !== undefined);
    return [...found].reverse();
  }
}
