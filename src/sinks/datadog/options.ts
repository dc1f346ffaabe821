import {
  ArrayMaxSize,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateBy,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import type { Secret } from '../../core/secret.js';
import { EgressSinkOptions } from '../../kit/egress-options.js';
import { IsSecret, OneOrMany } from '../../kit/options.js';
import { IsOutgoingUrl } from '../../kit/target.js';
import { intakes, siteHint, sites, type Intake, type Site } from './sites.js';
import { toTag } from './tags.js';

/** The block of a sink of `type: datadog`. */
export class DatadogOptions extends EgressSinkOptions {
  /** Where alerts go: the event stream, Event Management, or logs. */
  @IsIn(intakes)
  intake: Intake = 'events';

  /** As in the address of your console, without `app.`: a key is good at one site only. */
  @IsIn(sites, { message: ({ value }) => siteHint(value) })
  site: Site = 'datadoghq.com';

  /** Called instead of every host of the site: a proxy, a private link. */
  @IsOptional()
  @IsOutgoingUrl({ isBase: true })
  endpoint?: string;

  /** Organization settings > API keys. */
  @IsSecret()
  apiKey!: Secret;

  /** Organization settings > Application keys. Events v2 want one. */
  @IsOptional()
  @IsSecret()
  applicationKey?: Secret;

  /** Added to every alert's tags. */
  @IsOptional()
  @OneOrMany()
  @ArrayMaxSize(30)
  @ValidateBy(
    {
      name: 'isTag',
      validator: {
        validate: (value) => typeof value === 'string' && value !== '' && toTag(value) === value.toLowerCase(),
        defaultMessage: () => '$property must hold tags such as env:prod: a letter, then letters, digits and _-:./',
      },
    },
    { each: true },
  )
  @JSONSchema(() => ({ type: 'array', items: { type: 'string' }, maxItems: 30 }))
  tags?: readonly string[];

  /** The service that the alerts belong to: an attribute of logs, a tag of events. */
  @IsOptional()
  @IsString()
  @MaxLength(100)
  service?: string;

  /** Logs also hold the alert as an OCSF finding, for Cloud SIEM. */
  @IsOptional()
  @IsBoolean()
  @ValidateBy({
    name: 'isForLogs',
    validator: {
      validate: (value, args) => value !== true || (args?.object as DatadogOptions).intake === 'logs',
      defaultMessage: () => '$property needs intake: logs',
    },
  })
  @JSONSchema(() => ({ type: 'boolean' }))
  ocsf?: boolean;

  /** Requests at a time: 16 for events, 4 for logs, unless told. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100)
  concurrency?: number;
}
