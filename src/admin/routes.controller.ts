import { Body, Controller, Get, Headers, HttpCode, NotFoundException, Post, Query } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import { Journal } from '../core/journal.js';
import { dryRun, type DryRun } from '../routing/dry-run.js';
import type { MatchOptions } from '../routing/route.js';
import { Router } from '../routing/router.js';
import { AdminOptions } from './admin.options.js';
import { Needs } from './needs.js';

export class RouteTestQuery {
  @ApiPropertyOptional({ required: true, description: 'name of the source that would have received the body' })
  @IsString()
  @MaxLength(200)
  source!: string;
}

type RouteView = {
  readonly name: string;
  readonly match: Partial<MatchOptions>;
  readonly sinks: readonly string[];
  readonly final: boolean;
  /** How many alerts it matched since the journal began. */
  readonly alerts: number;
};

@ApiTags('config')
@Controller('api/v1/routes')
export class RoutesController {
  constructor(
    private readonly options: AdminOptions,
    private readonly journal: Journal,
    private readonly router: Router,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The routes in the order they are tried, and how many alerts each matched.' })
  async list(): Promise<{ readonly items: readonly RouteView[] }> {
    const { routes: counts } = await this.journal.counts();
    return {
      items: this.options.routes.map((route) => {
        const { name, to, final = false } = route;
        const match: Partial<MatchOptions> = route.match ?? {};
        const alerts = counts.find((count) => count.route === name)?.alerts ?? 0;
        return { name, match, sinks: to, final, alerts };
      }),
    };
  }

  @Post('test')
  @Needs('viewer')
  @HttpCode(200)
  @ApiConsumes('application/json')
  @ApiBody({ description: 'a body as the vendor sends it', schema: {} })
  @ApiOperation({ summary: "Where a vendor's body would go, and why. Nothing is kept and nothing is sent." })
  test(
    @Query() { source }: RouteTestQuery,
    @Body() body: Buffer | undefined,
    @Headers('content-type') contentType = 'application/octet-stream',
  ): DryRun {
    const named = this.options.sources.find(({ name }) => name === source);
    if (!named) throw new NotFoundException('There is no source of this name in the config.');
    return dryRun(named, this.router, Buffer.isBuffer(body) ? body : Buffer.alloc(0), contentType);
  }
}
