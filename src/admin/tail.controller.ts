import {
  Controller,
  Get,
  Query,
  Res,
  ServiceUnavailableException,
  type BeforeApplicationShutdown,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiPropertyOptional, ApiTags } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { ServerResponse } from 'node:http';
import { Subject, takeUntil } from 'rxjs';
import { ActivityStream } from '../core/activity.js';
import { present } from '../kit/present.js';
import { streamTail } from './tail.js';

const limits = { heartbeatMs: 15_000, maxBufferedBytes: 1_000_000 };
const maxReaders = 32;

export class TailQuery {
  @ApiPropertyOptional({ description: 'only requests to this source' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  source?: string;

  @ApiPropertyOptional({ description: 'only what concerns this sink' })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  sink?: string;
}

@ApiTags('alerts')
@Controller('api/v1/tail')
export class TailController implements BeforeApplicationShutdown {
  readonly #end = new Subject<void>();
  #readers = 0;

  constructor(private readonly activity: ActivityStream) {}

  /** Streams would keep the server from closing. */
  beforeApplicationShutdown(): void {
    this.#end.next();
  }

  @Get()
  @ApiOperation({ summary: 'What happens, as it happens: server-sent events.' })
  @ApiOkResponse({ content: { 'text/event-stream': {} } })
  tail(@Query() { source, sink }: TailQuery, @Res() response: ServerResponse): void {
    if (this.#readers >= maxReaders) throw new ServiceUnavailableException(`${maxReaders} readers are enough.`);
    this.#readers += 1;
    response.on('close', () => {
      this.#readers -= 1;
    });
    streamTail(this.activity.pipe(takeUntil(this.#end)), response, present({ source, sink }), limits);
  }
}
