import { Controller, Get, NotFoundException, Param, ParseUUIDPipe, Query, StreamableFile } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Journal, type AlertRecord, type AlertSummary, type Page } from '../core/journal.js';
import { Router, type RouteReason } from '../routing/router.js';
import { alertQueryOf, AlertsQuery } from './alerts.query.js';
import { pageOf } from './page.query.js';

@ApiTags('alerts')
@Controller('api/v1/alerts')
export class AlertsController {
  constructor(
    private readonly journal: Journal,
    private readonly router: Router,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Alerts, newest first.' })
  list(@Query() query: AlertsQuery): Promise<Page<AlertSummary>> {
    return this.journal.alerts(alertQueryOf(query), pageOf(query));
  }

  /** `routes` is the decision of then; `reasons` explains it by the routes of now. */
  @Get(':id')
  @ApiOperation({ summary: 'Where an alert went and why: the alert, the decision, its deliveries and every attempt.' })
  async explain(
    @Param('id', ParseUUIDPipe) id: string,
  ): Promise<AlertRecord & { readonly reasons: readonly RouteReason[] }> {
    const record = await this.journal.alert(id);
    if (!record) throw new NotFoundException(`There is no alert ${id}, or it was purged after the retention.`);
    return { ...record, reasons: this.router.explain(record.alert) };
  }

  /** Whatever a stranger may have put into it: never rendered, only saved. */
  @Get(':id/raw')
  @ApiOperation({ summary: "The exact bytes of the request, by the alert's id or that of a quarantined request." })
  async raw(@Param('id', ParseUUIDPipe) id: string): Promise<StreamableFile> {
    const raw = await this.journal.raw(id);
    if (!raw) throw new NotFoundException(`There is no request of ${id}, or it was purged after the retention.`);
    return new StreamableFile(raw.body, {
      type: 'application/octet-stream',
      disposition: `attachment; filename="${id}.bin"`,
      length: raw.body.length,
    });
  }
}
