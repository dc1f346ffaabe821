import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Matches, Max, Min } from 'class-validator';
import type { PageRequest } from '../core/journal.js';

const maxLimit = 500;

/** `limit` and `cursor` of every list: newest first, `next` of one answer is the `cursor` of the next question. */
export class PageQuery {
  @ApiPropertyOptional({ minimum: 1, maximum: maxLimit, default: 50 })
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(maxLimit)
  limit: number = 50;

  @ApiPropertyOptional({ description: 'next of the page before' })
  @IsOptional()
  @Matches(/^[\w.-]{1,100}$/, { message: 'cursor must be what next said' })
  cursor?: string;
}

export function pageOf({ limit, cursor }: PageQuery): PageRequest {
  return { limit, ...(cursor !== undefined && { cursor }) };
}
