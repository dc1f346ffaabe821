import {
  BadRequestException,
  Controller,
  Get,
  Injectable,
  NotFoundException,
  Param,
  ParseUUIDPipe,
  Query,
  StreamableFile,
  type PipeTransform,
} from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Journal, type AlertSummary, type Page } from '../core/journal.js';
import { alertQueryOf, AlertsQuery } from './alerts.query.js';
import { ExplainService } from './explain.service.js';
import { pageOf } from './page.query.js';
import type { Story } from './story.js';

/** A name that an alert may have: of a vendor's making, so nearly anything, but no book. */
@Injectable()
class NamePipe implements PipeTransform<string, string> {
  transform(name: string): string {
    if (/^\P{Cc}{1,300}$/u.test(name)) return name;
    throw new BadRequestException('An id is a text of at most 300 characters.');
  }
}

@ApiTags('alerts')
@Controller('api/v1/alerts')
export class AlertsController {
  constructor(
    private readonly journal: Journal,
    private readonly explain: ExplainService,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Alerts, newest first.' })
  list(@Query() query: AlertsQuery): Promise<Page<AlertSummary>> {
    return this.journal.alerts(alertQueryOf(query), pageOf(query));
  }

  @Get(':id')
  @ApiOperation({
    summary:
      'Where an alert went and why: the alert, the decision, its deliveries, every attempt, and what comes next.',
    description:
      'By our id, the id of the vendor or the fingerprint; of several the newest, and how many others there are. `routes` ' +
      'decided it then. `reasons` are those of the routes of now, in force since `routesSince`: `tookIt` is there where a ' +
      'route did otherwise then, and `goneRoutes` are no longer in the config.',
  })
  async tell(@Param('id', NamePipe) name: string): Promise<Story> {
    const story = await this.explain.explain(name);
    if (!story) {
      throw new NotFoundException(
        'There is no alert of this id, vendor id or fingerprint; or it was purged after the retention, or it is not ' +
          'among the newest ones, and GET /api/v1/alerts?vendorId= goes on looking.',
      );
    }
    return story;
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
