import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsNumber, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { kinds, severities, states, type Kind, type Severity, type State } from '../core/alert.js';
import { deliveryStates, type AlertQuery, type DeliveryState } from '../core/journal.js';
import { present } from '../kit/present.js';
import { PageQuery } from './page.query.js';

const maxName = 200;

/** Filters of `GET /api/v1/deliveries`. */
export class DeliveriesQuery extends PageQuery {
  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(maxName)
  sink?: string;

  @ApiPropertyOptional({ enum: deliveryStates })
  @IsOptional()
  @IsIn(deliveryStates)
  state?: DeliveryState;
}

/** Filters of `GET /api/v1/dead-letters`. */
export class DeadLettersQuery extends PageQuery {
  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(maxName)
  sink?: string;
}

/** Filters of `GET /api/v1/alerts`; all given must hold. */
export class AlertsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'name of a source' })
  @IsOptional()
  @IsString()
  @MaxLength(maxName)
  source?: string;

  @ApiPropertyOptional({ enum: kinds })
  @IsOptional()
  @IsIn(kinds)
  kind?: Kind;

  @ApiPropertyOptional({ enum: states })
  @IsOptional()
  @IsIn(states)
  state?: State;

  @ApiPropertyOptional({ enum: severities })
  @IsOptional()
  @IsIn(severities)
  severity?: Severity;

  @ApiPropertyOptional({ description: 'name of a sink the alert is or was owed to' })
  @IsOptional()
  @IsString()
  @MaxLength(maxName)
  sink?: string;

  @ApiPropertyOptional({ enum: deliveryStates, description: 'of that sink, or of any' })
  @IsOptional()
  @IsIn(deliveryStates)
  deliveryState?: DeliveryState;

  @ApiPropertyOptional({ description: 'true: only alerts that no route matched' })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  unrouted?: boolean;

  @ApiPropertyOptional({ description: 'the finding: 64 hex digits' })
  @IsOptional()
  @Matches(/^[0-9a-f]{64}$/)
  fingerprint?: string;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'received at this time or later' })
  @IsOptional()
  @IsTime()
  from?: number;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'received before this time' })
  @IsOptional()
  @IsTime()
  until?: number;
}

export function alertQueryOf({ limit: _limit, cursor: _cursor, ...filters }: AlertsQuery): AlertQuery {
  return present(filters);
}

/** An RFC 3339 time in the query: milliseconds since the epoch in the instance. */
function IsTime(): PropertyDecorator {
  const rfc3339 = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;
  const read = ({ value }: { value: unknown }): unknown =>
    typeof value === 'string' && rfc3339.test(value) ? Date.parse(value) : Number.NaN;
  const message = '$property must be a time such as 2026-03-01T10:00:00Z';
  return (target, key) => {
    Transform(read)(target, key);
    IsNumber({}, { message })(target, String(key));
  };
}
