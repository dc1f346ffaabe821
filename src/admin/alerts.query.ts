import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { kinds, severities, states, type Kind, type Severity, type State } from '../core/alert.js';
import { deliveryStates, faults, type AlertQuery, type DeliveryState, type Fault } from '../core/journal.js';
import { present } from '../kit/present.js';
import { OptionalName, OptionalTime } from './optional.js';
import { PageQuery } from './page.query.js';

/** Filters of `GET /api/v1/deliveries`. */
export class DeliveriesQuery extends PageQuery {
  @OptionalName()
  sink?: string;

  @ApiPropertyOptional({ enum: deliveryStates })
  @IsOptional()
  @IsIn(deliveryStates)
  state?: DeliveryState;
}

/** Filters of `GET /api/v1/dead-letters`; all given must hold. */
export class DeadLettersQuery extends PageQuery {
  @OptionalName()
  sink?: string;

  @OptionalName('name of a source')
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

  @OptionalTime('received at this time or later')
  from?: number;

  @OptionalTime('received before this time')
  until?: number;
}

/** Filters of `GET /api/v1/alerts`; all given must hold. */
export class AlertsQuery extends PageQuery {
  @OptionalName('name of a source')
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

  @OptionalName('name of a sink the alert is or was owed to')
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

  @OptionalTime('received at this time or later')
  from?: number;

  @OptionalTime('received before this time')
  until?: number;
}

export function alertQueryOf({ limit: _limit, cursor: _cursor, ...filters }: AlertsQuery): AlertQuery {
  return present(filters);
}
