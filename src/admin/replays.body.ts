import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsUUID,
  Matches,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { severities, type Severity } from '../core/alert.js';
import { faults, type Fault } from '../core/journal.js';
import { replayModes, resendStates, type ReplayMode, type ReplayRequest, type ResendState } from '../core/replay.js';
import { present } from '../kit/present.js';
import { OptionalName, OptionalTime } from './optional.js';

const maxIds = 200;
const usualRate = 50;
const maxRate = 1_000;

/** What to replay; all given must hold. */
export class ReplaySelectBody {
  @ApiPropertyOptional({ type: [String], format: 'uuid', maxItems: maxIds, description: 'ids of alerts' })
  @IsOptional()
  @ArrayMinSize(1)
  @ArrayMaxSize(maxIds)
  @IsUUID('all', { each: true })
  ids?: readonly string[];

  @ApiPropertyOptional({
    enum: resendStates,
    description: 'has a delivery in this state; a resend takes dead ones unless told',
  })
  @IsOptional()
  @IsIn(resendStates)
  state?: ResendState;

  @ApiPropertyOptional({ enum: faults, description: 'whose fault the dead letter is' })
  @IsOptional()
  @IsIn(faults)
  fault?: Fault;

  @OptionalName('only deliveries to this sink')
  sink?: string;

  @OptionalName()
  source?: string;

  @ApiPropertyOptional({ enum: severities })
  @IsOptional()
  @IsIn(severities)
  severity?: Severity;

  @ApiPropertyOptional({ description: 'true: only alerts that no route matched' })
  @IsOptional()
  @IsBoolean()
  unrouted?: boolean;

  @OptionalTime('accepted at this time or later')
  from?: number;

  @OptionalTime('accepted before this time')
  until?: number;
}

/** Body of `POST /api/v1/replays`. */
export class ReplayBody {
  @ApiPropertyOptional({ required: true, type: ReplaySelectBody, description: 'all given must hold; {}: everything' })
  @IsObject()
  @ValidateNested()
  @Type(() => ReplaySelectBody)
  select!: ReplaySelectBody;

  @ApiPropertyOptional({
    required: true,
    enum: replayModes,
    description: 'resend: to the same sinks once more; reroute: decide again by the routes of now, and owe what is new',
  })
  @IsIn(replayModes)
  mode!: ReplayMode;

  @ApiPropertyOptional({ default: false, description: 'count and show, and change nothing' })
  @IsBoolean()
  dryRun: boolean = false;

  @ApiPropertyOptional({ default: usualRate, minimum: 1, maximum: maxRate, description: 'deliveries a second' })
  @IsInt()
  @Min(1)
  @Max(maxRate)
  rate: number = usualRate;

  @ApiPropertyOptional({
    default: false,
    description: 'also what may overwrite a newer report in a sink that keeps state',
  })
  @IsBoolean()
  force: boolean = false;

  @ApiPropertyOptional({ description: 'two requests of one key are one replay, however often they are sent' })
  @IsOptional()
  @Matches(/^[\w.:-]{1,100}$/, { message: 'key must be at most 100 letters, digits and _ . : -' })
  key?: string;
}

/** In one order of members, so that the same request reads the same. */
export function replayRequestOf({ select, mode, rate, force, key }: ReplayBody): ReplayRequest {
  const { ids, fault, sink, source, severity, unrouted, from, until } = select;
  const state = select.state ?? (mode === 'resend' ? 'dead' : undefined);
  return present({
    mode,
    select: present({ ids, state, fault, sink, source, severity, unrouted, from, until }),
    rate,
    force,
    key,
  });
}
