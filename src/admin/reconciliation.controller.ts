import { Controller, Get, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Journal } from '../core/journal.js';
import type { DayAccount } from '../core/reconciliation.js';
import { OptionalTime } from './optional.js';

const dayMs = 86_400_000;
const usualDays = 7;

/** Which UTC days are told: by default those of the last week. */
export class ReconciliationQuery {
  @OptionalTime('days from the one of this time on')
  from?: number;

  @OptionalTime('days before this time')
  until?: number;
}

export type Reconciliation = {
  /** Nothing is missing of these days, as far as the vendors and the pulls know. */
  readonly complete: boolean;
  /** Newest first. */
  readonly days: readonly DayAccount[];
};

/** Whether everything came that the vendors have. */
@ApiTags('alerts')
@Controller('api/v1/reconciliation')
export class ReconciliationController {
  constructor(private readonly journal: Journal) {}

  @Get()
  @ApiOperation({
    summary:
      'Per source that pulls and UTC day: the vendor has n, webhooks brought n, the pull recovered n, missing n.',
    description:
      "Findings count once, on the day of the vendor's time. vendor is the vendor's own number (vendorBy: vendor) where " +
      'it gives one, else what the pull saw (vendorBy: pull). changes are later reports that only the pull brought.',
  })
  async days(@Query() { from, until }: ReconciliationQuery): Promise<Reconciliation> {
    const end = until ?? Date.now() + 1;
    const days = await this.journal.reconciliation({ from: from ?? end - usualDays * dayMs, until: end });
    return { complete: days.every(({ missing }) => missing === 0), days };
  }
}
