import { plainToInstance, Transform, Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsDefined,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Matches,
  Max,
  Min,
  NotContains,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { JSONSchema, targetConstructorToSchema } from 'class-validator-jsonschema';
import { Webhook } from 'standardwebhooks';
import { Secret } from '../core/secret.js';
import { IsCidr } from './address.js';
import { IsDuration, IsSecret, OneOrMany } from './options.js';
import { IsSeverityTable, type SeverityTable } from './severity.js';

type Schema = ReturnType<typeof targetConstructorToSchema>;

const authHint = 'auth must be { type: bearer, secret: ${ENV_NAME} } or another type, a list of them, or the word none';

const pullHint = 'pull must be a block such as { every: 5m, from: 24h }';
const enrichHint = 'enrich must be true, or a block such as { maxWait: 10s, concurrency: 4 }';
const verifyHint = 'verify must be the word callback, or a block such as { by: callback, maxPerMinute: 60 }';

/** What every source is told, whatever its vendor; a source's own options class extends it. */
export class SourceOptions {
  /**
   * Who may post: one way to prove it, several of which any one suffices, or the word `none`. A source that pulls may
   * leave it out, and then nobody may.
   */
  @IsAuth()
  auth?: NoAuth | AuthOptions | readonly AuthOptions[];

  /** The sender must also be inside one of these networks, whatever `auth` says. */
  @JSONSchema(() => oneOrMany('an address or a network such as 192.0.2.7 or 10.0.0.0/8'))
  @IsOptional()
  @OneOrMany()
  @IsCidr({ each: true })
  allow?: readonly string[];

  /** More absolute paths that this source answers on, beside `/v1/ingest/{source}`. */
  @JSONSchema(() => oneOrMany('an absolute path such as /hooks/vendor'))
  @IsOptional()
  @OneOrMany()
  @Matches(/^\/(?!(?:healthz|readyz|v1)(?:\/|$))[\w.~!$&'()*+,;=:@/-]*$/, {
    each: true,
    message: '$property must hold paths that begin with /, without a query, and not /healthz, /readyz or /v1/…',
  })
  paths?: readonly string[];

  /** Our severity for words of the vendor's, ahead of the plugin's own table; each use is flagged on the alert. */
  @IsOptional()
  @IsSeverityTable()
  severities?: SeverityTable;
}

const secondMs = 1_000;
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** `pull`: how a source asks its vendor's API for what webhooks may have missed. Times in milliseconds. */
export class PullOptions {
  /** From the end of a pull to the beginning of the next one. */
  @IsDuration({ minMs: secondMs, maxMs: dayMs })
  every = 5 * minuteMs;

  /** How far the first pull goes back, and at least, one whose place the vendor has forgotten. */
  @IsDuration({ minMs: 0, maxMs: 90 * dayMs })
  from = dayMs;

  /** How far each pull goes back behind the last one, for what the vendor's API shows late. */
  @IsDuration({ minMs: 0, maxMs: dayMs })
  overlap = 15 * minuteMs;

  /** The most pages of one pull; what is left comes with the next one. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  maxPages = 20;

  /** The most alerts a second, oldest first, so that a backlog is no flood to the sinks. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  rate = 50;
}

function IsPull(): PropertyDecorator {
  return optionalBlock(
    pullHint,
    Type(() => PullOptions),
  );
}

/** `enrich`: how a source asks its vendor's API for an alert's details before it is sent on. Times in milliseconds. */
export class EnrichOptions {
  /** How long after its arrival an alert is sent on at the latest, with its details or without. */
  @IsDuration({ minMs: 100, maxMs: 10 * minuteMs })
  maxWait = 10 * secondMs;

  /** The most calls at once. */
  @IsInt()
  @Min(1)
  @Max(100)
  concurrency = 4;

  /** How many answers are remembered, and for how long. */
  @IsInt()
  @Min(0)
  @Max(100_000)
  cache = 1_000;

  @IsDuration({ minMs: 0, maxMs: dayMs })
  cacheFor = 5 * minuteMs;
}

function IsEnrich(): PropertyDecorator {
  return optionalBlock(enrichHint, ...wordOrBlock(EnrichOptions, true));
}

/** `verify`: an alert that the vendor's API does not know is flagged. */
export class VerifyOptions {
  /** How: by asking the vendor's API for the alert. */
  @IsIn(['callback'])
  by = 'callback' as const;

  /** The most calls a minute, so that a flood of forgeries is no flood on the vendor; what is over it is flagged. */
  @IsInt()
  @Min(1)
  @Max(10_000)
  maxPerMinute = 60;
}

function IsVerify(): PropertyDecorator {
  return optionalBlock(verifyHint, ...wordOrBlock(VerifyOptions, 'callback'));
}

/**
 * What every source is told whose vendor has an API, beside a block `api` of its own, without which none of these can be
 * used: `config/load.ts` says so.
 */
export class ApiSourceOptions extends SourceOptions {
  /** Asks the vendor's API for what the webhook did not bring. */
  @IsPull()
  pull?: PullOptions;

  /** Asks the vendor's API for the details of what the webhook reported, before it is sent on. */
  @IsEnrich()
  enrich?: EnrichOptions;

  /** Flags what the webhook reported and the vendor's API does not know. */
  @IsVerify()
  verify?: VerifyOptions;
}

/** A word that stands for the block with all its defaults. */
function wordOrBlock(type: new () => object, word: string | true): readonly PropertyDecorator[] {
  const read = (value: unknown): unknown => {
    if (value === word) return new type();
    return typeof value === 'object' && value !== null ? plainToInstance(type, value) : value;
  };
  return [
    Type(() => type),
    Transform(({ obj, key }: { obj: Record<string, unknown>; key: string }) => read(obj[key]), { toClassOnly: true }),
    JSONSchema((block) => ({ oneOf: [{ enum: [word] }, block] })) as PropertyDecorator,
  ];
}

function optionalBlock(message: string, ...decorators: readonly PropertyDecorator[]): PropertyDecorator {
  return (target, key) => {
    for (const decorate of [...decorators, ValidateNested({ message }), IsOptional()]) decorate(target, key);
  };
}

// Each class is one way to authenticate. `secret` is one or several valid at once, so that it can be rotated.

/** Anybody may post: the word `none` in YAML. */
export class NoAuth {
  @IsIn(['none'])
  readonly type = 'none';
}

/** `Authorization: Bearer <secret>`. */
export class BearerAuth {
  @IsIn(['bearer'])
  readonly type = 'bearer';

  @ArrayNotEmpty()
  @IsSecret({ each: true })
  secret!: readonly Secret[];
}

/** `Authorization: Basic …` (RFC 7617), in UTF-8. */
export class BasicAuth {
  @IsIn(['basic'])
  readonly type = 'basic';

  @IsString()
  @IsNotEmpty()
  @NotContains(':')
  username!: string;

  @ArrayNotEmpty()
  @IsSecret({ each: true })
  secret!: readonly Secret[];
}

/** A header of the vendor's own that carries the secret. */
export class HeaderAuth {
  @IsIn(['header'])
  readonly type = 'header';

  @IsHeaderName()
  name!: string;

  @ArrayNotEmpty()
  @IsSecret({ each: true })
  secret!: readonly Secret[];
}

/** The capability URL `/v1/ingest/{source}/{secret}`, for vendors that can send no header. */
export class PathAuth {
  @IsIn(['path'])
  readonly type = 'path';

  @ArrayNotEmpty()
  @IsSecret({ each: true })
  @SecretHolds(
    'isPathSecret',
    (text) => /^[\w.~-]+$/.test(text),
    '$property may hold only letters, digits, - . _ and ~',
  )
  secret!: readonly Secret[];
}

export const hmacAlgorithms = ['sha1', 'sha256', 'sha512'] as const;

/** A header that carries an HMAC over the body as it arrived. */
export class HmacAuth {
  @IsIn(['hmac'])
  readonly type = 'hmac';

  @IsHeaderName()
  header!: string;

  @ArrayNotEmpty()
  @IsSecret({ each: true })
  secret!: readonly Secret[];

  @IsIn(hmacAlgorithms)
  algorithm: (typeof hmacAlgorithms)[number] = 'sha256';

  @IsIn(['hex', 'base64'])
  encoding: 'hex' | 'base64' = 'hex';

  /** What stands before the digits, e.g. `sha256=`. */
  @IsOptional()
  @IsString()
  prefix?: string;
}

/** https://www.standardwebhooks.com: `webhook-id`, `webhook-timestamp` and `webhook-signature`. */
export class StandardWebhooksAuth {
  @IsIn(['standard-webhooks'])
  readonly type = 'standard-webhooks';

  @ArrayNotEmpty()
  @IsSecret({ each: true })
  @SecretHolds('isWebhookSecret', isWebhookSecret, '$property must be whsec_ and base64, as the sender shows it')
  secret!: readonly Secret[];

  /** How far the timestamp may be from our clock, either way. */
  @IsDuration({ minMs: 1_000 })
  tolerance = 300_000;
}

export type AuthOptions = BearerAuth | BasicAuth | HeaderAuth | PathAuth | HmacAuth | StandardWebhooksAuth;

const authClasses: ReadonlyMap<unknown, new () => AuthOptions> = new Map<unknown, new () => AuthOptions>([
  ['bearer', BearerAuth],
  ['basic', BasicAuth],
  ['header', HeaderAuth],
  ['path', PathAuth],
  ['hmac', HmacAuth],
  ['standard-webhooks', StandardWebhooksAuth],
]);

/** Stands in for what no class matches, so that validation can name the type and nothing else. */
class UnknownAuth {
  @IsIn([...authClasses.keys()], { message: `$property must be one of ${[...authClasses.keys()].join(', ')}` })
  type: unknown;
}

/** The shape written in YAML is kept (one object, or a list), so that problems are found where they were made. */
function IsAuth(): PropertyDecorator {
  const decorators: readonly ((target: object, key: string) => void)[] = [
    Transform(({ obj }: { obj: { auth?: unknown } }) => toAuth(obj.auth), { toClassOnly: true }),
    IsDefined({ message: authHint }),
    ValidateIf(({ auth, pull }: { auth?: unknown; pull?: unknown }) => auth !== undefined || pull === undefined),
    ValidateNested({ message: authHint }),
    ValidateBy({
      name: 'isNotEmptyList',
      validator: { validate: (value) => !Array.isArray(value) || value.length > 0, defaultMessage: () => authHint },
    }),
    JSONSchema((_schema, options) => {
      const one = [...authClasses.values()].map((type) => describeAuth(type, options));
      return { oneOf: [{ enum: ['none'] }, ...one, { type: 'array', minItems: 1, items: { oneOf: one } }] };
    }),
  ];
  return (target, key) => {
    for (const decorate of decorators) decorate(target, String(key));
  };
}

function toAuth(value: unknown): unknown {
  if (value === 'none') return new NoAuth();
  if (Array.isArray(value)) return value.map(toOneAuth);
  return toOneAuth(value);
}

function toOneAuth(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const type = 'type' in value ? value.type : undefined;
  const known = authClasses.get(type);
  return known ? plainToInstance(known, value) : Object.assign(new UnknownAuth(), { type });
}

/** What has a default may be left out; all but the type, by which the others are told. */
function describeAuth(type: new () => AuthOptions, options: Parameters<typeof targetConstructorToSchema>[1]): Schema {
  const schema = targetConstructorToSchema(type, options);
  const defaults = Object.keys(new type()).filter((key) => key !== 'type');
  const required = schema.required?.filter((key) => !defaults.includes(key));
  return { ...schema, ...(required && { required }), additionalProperties: false };
}

function oneOrMany(description: string): Schema {
  const text: Schema = { type: 'string', description };
  return { oneOf: [text, { type: 'array', items: text }] };
}

function IsHeaderName(): PropertyDecorator {
  return Matches(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { message: '$property must be the name of a header' });
}

function SecretHolds(name: string, holds: (text: string) => boolean, message: string): PropertyDecorator {
  return ValidateBy(
    {
      name,
      // What is no secret at all is named by IsSecret.
      validator: {
        validate: (value) => !(value instanceof Secret) || holds(value.reveal()),
        defaultMessage: () => message,
      },
    },
    { each: true },
  );
}

function isWebhookSecret(text: string): boolean {
  try {
    return new Webhook(text) instanceof Webhook;
  } catch {
    return false;
  }
}
