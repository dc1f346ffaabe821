import {
  BadRequestException,
  Body,
  Controller,
  Get,
  NotFoundException,
  Param,
  ParseUUIDPipe,
  Post,
  Query,
  Res,
} from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { ServerResponse } from 'node:http';
import { Journal, type Page } from '../core/journal.js';
import { ReplayControl, type ReplayPlan } from '../core/replay-control.js';
import type { ReplayRecord } from '../core/replay.js';
import { AdminOptions } from './admin.options.js';
import { Needs } from './needs.js';
import { pageOf, PageQuery } from './page.query.js';
import { ReplayBody, replayRequestOf } from './replays.body.js';

@ApiTags('replays')
@Controller('api/v1/replays')
export class ReplaysController {
  constructor(
    private readonly options: AdminOptions,
    private readonly journal: Journal,
    private readonly replays: ReplayControl,
  ) {}

  @Post()
  @Needs('operator')
  @ApiOperation({
    summary: 'Sends deliveries again (resend), or decides again by the routes of now and owes what is new (reroute).',
    description:
      'Asked twice, or at once, one more chain of attempts is made for each delivery. Its deliveries carry the tag ' +
      'replay:true. A report that could overwrite a newer one in a sink that keeps state is held back unless forced.',
  })
  @ApiOkResponse({ description: 'A dry run: what would be sent.' })
  @ApiAcceptedResponse({ description: 'The replay, which goes on by itself, and what was expected of it.' })
  async start(
    @Body() body: ReplayBody,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<ReplayPlan | (ReplayRecord & { readonly plan: ReplayPlan })> {
    const request = replayRequestOf(body);
    const { sink } = request.select;
    if (sink !== undefined && !this.options.sinks.some(({ name }) => name === sink)) {
      throw new BadRequestException('There is no sink of this name in the config: name one that is there.');
    }
    const plan = await this.replays.plan(request);
    response.statusCode = body.dryRun ? 200 : 202;
    return body.dryRun ? plan : { ...(await this.replays.start(request)), plan };
  }

  @Get()
  @ApiOperation({ summary: 'Replays, newest first.' })
  list(@Query() query: PageQuery): Promise<Page<ReplayRecord>> {
    return this.journal.replays(pageOf(query));
  }

  @Get(':id')
  @ApiOperation({ summary: 'How far a replay has come, and what became of its deliveries.' })
  async show(@Param('id', ParseUUIDPipe) id: string): Promise<ReplayRecord> {
    const replay = await this.journal.replay(id);
    if (!replay) throw new NotFoundException(`There is no replay ${id}: GET /api/v1/replays has them all.`);
    return replay;
  }
}
