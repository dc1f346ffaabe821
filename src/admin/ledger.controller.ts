import { Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Journal, type DeliverySummary, type Page, type RequestRecord } from '../core/journal.js';
import type { Ledger } from '../core/ledger.js';
import { present } from '../kit/present.js';
import { DeliveriesQuery } from './alerts.query.js';
import { LedgerQuery } from './ledger.query.js';
import { Needs } from './needs.js';
import { pageOf, PageQuery } from './page.query.js';

const dayMs = 86_400_000;

/** The account, and the lists in which everything that is not simply delivered can be found. */
@ApiTags('alerts')
@Controller('api/v1')
export class LedgerController {
  constructor(private readonly journal: Journal) {}

  @Get('ledger')
  @ApiOperation({
    summary: 'The account of every alert: whether each source and each sink balances, in sum and by hour.',
    description:
      'received = accepted + duplicates + quarantined + probes; accepted = routed + unrouted; ' +
      'owed = delivered + pending + parked + dead + superseded. The hours are checked against the rows of the journal.',
  })
  ledger(@Query() { from, until }: LedgerQuery): Promise<Ledger> {
    const end = until ?? Date.now() + 1;
    return this.journal.ledger({ from: from ?? end - dayMs, until: end });
  }

  @Post('ledger/acknowledge')
  @Needs('operator')
  @HttpCode(204)
  @ApiOperation({
    summary: 'An operator knows of the accepted alerts that are missing: the router is no longer degraded by them.',
  })
  async acknowledge(): Promise<void> {
    await this.journal.acknowledge();
  }

  @Get('deliveries')
  @ApiOperation({ summary: 'What is owed to sinks, and what became of it.' })
  deliveries(@Query() query: DeliveriesQuery): Promise<Page<DeliverySummary>> {
    const { sink, state } = query;
    return this.journal.deliveries(present({ sink, state }), pageOf(query));
  }

  @Get('quarantine')
  @ApiOperation({
    summary: 'Authentic requests, or parts of them, that could not be read; alerts/{id}/raw has the bytes.',
  })
  quarantine(@Query() query: PageQuery): Promise<Page<RequestRecord>> {
    return this.journal.quarantine(pageOf(query));
  }

  @Get('probes')
  @ApiOperation({ summary: "Vendors' set-up and test calls." })
  probes(@Query() query: PageQuery): Promise<Page<RequestRecord>> {
    return this.journal.probes(pageOf(query));
  }
}
