import { Controller, Get, NotFoundException, Param, ParseUUIDPipe, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Journal, type AlertRecord, type DeliverySummary, type Page } from '../core/journal.js';
import { withoutCredentials } from '../kit/credentials.js';
import { present } from '../kit/present.js';
import { DeadLettersQuery } from './alerts.query.js';
import { pageOf } from './page.query.js';

/** Deliveries that were given up: a state, not a place. They stay with their alert, and can be replayed. */
@ApiTags('alerts')
@Controller('api/v1/dead-letters')
export class DeadLettersController {
  constructor(private readonly journal: Journal) {}

  @Get()
  @ApiOperation({ summary: 'Deliveries that were given up, why, and whose fault it is; newest first.' })
  async list(@Query() { limit, cursor, ...filters }: DeadLettersQuery): Promise<Page<DeliverySummary>> {
    const place = pageOf({ limit, ...present({ cursor }) });
    const { items, ...page } = await this.journal.deliveries({ ...present(filters), state: 'dead' }, place);
    // A list is read over shoulders and pasted into tickets; the alert itself has the title as it came.
    return { ...page, items: items.map((item) => ({ ...item, title: withoutCredentials(item.title) })) };
  }

  @Get(':id')
  @ApiOperation({ summary: "An alert's dead letters with every attempt and what the other side answered." })
  async show(@Param('id', ParseUUIDPipe) id: string): Promise<Pick<AlertRecord, 'alert' | 'deliveries'>> {
    const record = await this.journal.alert(id);
    const deliveries = record?.deliveries.filter(({ state }) => state === 'dead') ?? [];
    if (!record || deliveries.length === 0) {
      throw new NotFoundException(`Alert ${id} has no dead letter, or there is none of this id.`);
    }
    return { alert: record.alert, deliveries };
  }
}
