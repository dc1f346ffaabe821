import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional } from 'class-validator';
import { IsTime } from './is-time.js';

/** Which hours `GET /api/v1/ledger` shows and checks: by default those of the last day. */
export class LedgerQuery {
  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'hours from this time on' })
  @IsOptional()
  @IsTime()
  from?: number;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'hours before this time' })
  @IsOptional()
  @IsTime()
  until?: number;
}
