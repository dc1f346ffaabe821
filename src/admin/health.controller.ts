import { Controller, Get, Res, ServiceUnavailableException } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { ServerResponse } from 'node:http';
import { AdminOptions } from './admin.options.js';
import { MetricsService } from './metrics.service.js';
import { ReadinessService } from './readiness.service.js';

@ApiTags('health')
@Controller()
export class HealthController {
  constructor(
    private readonly options: AdminOptions,
    private readonly readiness: ReadinessService,
    private readonly metrics: MetricsService,
  ) {}

  @Get('healthz')
  @ApiOperation({ summary: 'The process is alive. Needs no token.' })
  health(): object {
    return { status: 'ok' };
  }

  @Get('readyz')
  @ApiOperation({ summary: 'The journal can be written, and this router is not shutting down. Needs no token.' })
  async ready(): Promise<object> {
    const problem = await this.readiness.problem();
    if (problem !== undefined) throw new ServiceUnavailableException(`Not ready: ${problem}.`);
    return { status: 'ok' };
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
