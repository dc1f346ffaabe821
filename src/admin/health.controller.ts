import { Controller, Get, Res, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ServerResponse } from 'node:http';
import { isReady, Readiness } from '../core/readiness.js';
import { AdminOptions } from './admin.options.js';
import { MetricsService } from './metrics.service.js';

@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly options: AdminOptions,
    private readonly readiness: Readiness,
    private readonly metrics: MetricsService,
  ) {}

  @Get('healthz')
  @ApiOperation({ summary: 'The process is alive. Needs no token.' })
  health(): object {
    return { status: 'ok' };
  }

  @Get('readyz')
  @ApiOperation({
    summary: 'The journal can be written, and this router is not shutting down. Needs no token.',
    description:
      'status is degraded, still with 200, while a sink or a pull is parked, the backlog is near its limit, or accepted alerts are missing that nobody acknowledged.',
  })
  async ready(): Promise<object> {
    const condition = await this.readiness.condition();
    const { status, problems } = condition;
    if (isReady(condition)) return problems.length === 0 ? { status } : { status, problems };
    throw new ServiceUnavailableException(`Not ready: ${problems.join(', ')}.`);
  }

  @Get('version')
  @ApiOperation({ summary: 'What runs here.' })
  version(): object {
    return { name: 'signalbox', version: this.options.version, node: process.version };
  }

  @Get('metrics')
  @ApiOperation({ summary: 'Metrics for Prometheus.' })
  async scrape(@Res() response: ServerResponse): Promise<void> {
    const { contentType, body } = await this.metrics.scrape();
    response.writeHead(200, { 'content-type': contentType });
    response.end(body);
  }
}
