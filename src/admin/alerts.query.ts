import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { kinds, severities, states, type Kind, type Severity, type State } from '../core/alert.js';
import { deliveryStates, faults, type AlertQuery, type DeliveryState, type Fault } from '../core/journal.js';
import { present } from '../kit/present.js';
import { IsTime } from './is-time.js';
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

/** Filters of `GET /api/v1/dead-letters`; all given must hold. */
export class DeadLettersQuery extends PageQuery {
  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(maxName)
  sink?: string;

  @ApiPropertyOptional({ description: 'name of a source' })
  @IsOptional()
  @IsString()
  @MaxLength(maxName)
  source?: string;

  @ApiPropertyOptional({ enum: severities })
  @IsOptional()
  @IsIn(severities)
  severity?: Severity;

  @ApiPropertyOptional({
    enum: faults,
    description: 'theirs: refused; ours: the plugin broke; age: retried for too long; operator: given up by one',
  })
  @IsOptional()
  @IsIn(faults)
  fault?: Fault;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'received at this time or later' })
  @IsOptional()
  @IsTime()
  from?: number;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'received before this time' })
  @IsOptional()
  @IsTime()
  until?: number;
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

  @ApiPropertyOptional({ description: 'one of the ids that the vendor gave it; a page may be short and have a next' })
  @IsOptional()
  @IsString()
  @MaxLength(300)
  vendorId?: string;

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
