import { Body, ConflictException, Controller, Get, HttpCode, NotFoundException, Param, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Journal, type ParkedBy, type SinkBacklog } from '../core/journal.js';
import { SinkControl, type SinkTest } from '../core/sink-control.js';
import { AdminOptions } from './admin.options.js';
import { Needs } from './needs.js';
import { ParkBody } from './park.body.js';

type SinkView = {
  readonly name: string;
  /** Absent for a sink that is no longer in the config but still owed something. */
  readonly type?: string;
  readonly state: 'running' | 'parked' | 'unconfigured';
  /** Why it is parked, since when, and whether a probe or only an operator ends it. */
  readonly reason?: string;
  readonly since?: string;
  readonly parkedBy?: ParkedBy;
  readonly backlog: number;
  /** When the oldest alert of the backlog was accepted, and how many seconds that is ago. */
  readonly oldest?: string;
  readonly oldestSeconds?: number;
  readonly delivered: number;
  readonly dead: number;
  readonly superseded: number;
};

@ApiTags('config')
@Controller('api/v1/sinks')
export class SinksController {
  constructor(
    private readonly options: AdminOptions,
    private readonly journal: Journal,
    private readonly control: SinkControl,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The sinks: running or parked, and how far behind.' })
  async list(): Promise<{ readonly items: readonly SinkView[] }> {
    const { sinks: backlogs } = await this.journal.counts();
    const now = Date.now();
    const configured = this.options.sinks.map(({ name, type }) =>
      viewOf(backlogs.find((each) => each.sink === name) ?? emptyBacklog(name), now, type),
    );
    const others = backlogs.filter(({ sink }) => !this.options.sinks.some(({ name }) => name === sink));
    return { items: [...configured, ...others.map((backlog) => viewOf(backlog, now))] };
  }

  @Post(':name/park')
  @Needs('operator')
  @HttpCode(204)
  @ApiOperation({ summary: 'Holds all deliveries to a sink until an operator resumes it, over restarts too.' })
  async park(@Param('name') name: string, @Body() { reason }: ParkBody): Promise<void> {
    this.#mustExist(name);
    await this.control.park(name, reason);
  }

  @Post(':name/resume')
  @Needs('operator')
  @HttpCode(204)
  @ApiOperation({ summary: 'Goes on with the deliveries to a parked sink, whoever parked it.' })
  async resume(@Param('name') name: string): Promise<void> {
    this.#mustExist(name);
    await this.control.resume(name);
  }

  @Post(':name/test')
  @Needs('operator')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Sends a marked test event as deliveries are sent, and says what came of it. Works on a parked sink too.',
  })
  async test(@Param('name') name: string): Promise<SinkTest> {
    this.#mustExist(name);
    return this.control.test(name);
  }

  @Post(':name/give-up')
  @Needs('admin')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Makes dead letters of what a sink is owed that is no longer in the config.',
    description: 'What a retry put off, for 15 minutes at most, is left: ask again then. 409 for a configured sink.',
  })
  async giveUp(@Param('name') name: string): Promise<{ readonly givenUp: number; readonly left: number }> {
    if (this.options.sinks.some((sink) => sink.name === name)) {
      throw new ConflictException('This sink is in the config: take it out and reload first.');
    }
    const backlogOf = async () => (await this.journal.counts()).sinks.find(({ sink }) => sink === name);
    if (!(await backlogOf())) throw new NotFoundException('Nothing was ever owed to a sink of this name.');
    const givenUp = await this.control.giveUp(name);
    return { givenUp, left: (await backlogOf())?.pending ?? 0 };
  }

  #mustExist(name: string): void {
    if (!this.options.sinks.some((sink) => sink.name === name)) {
      throw new NotFoundException('There is no sink of this name in the config.');
    }
  }
}

function viewOf(backlog: SinkBacklog, now: number, type?: string): SinkView {
  const { sink, pending, delivered, dead, superseded, oldestPendingAt, parked } = backlog;
  return {
    name: sink,
    ...(type !== undefined && { type }),
    state: type === undefined ? 'unconfigured' : parked ? 'parked' : 'running',
    ...(parked && { reason: parked.reason, since: new Date(parked.since).toISOString(), parkedBy: parked.by }),
    backlog: pending,
    ...(oldestPendingAt !== undefined && {
      oldest: new Date(oldestPendingAt).toISOString(),
      oldestSeconds: Math.max(0, Math.round((now - oldestPendingAt) / 1_000)),
    }),
    delivered,
    dead,
    superseded,
  };
}

function emptyBacklog(sink: string): SinkBacklog {
  return { sink, pending: 0, delivered: 0, dead: 0, superseded: 0 };
}
