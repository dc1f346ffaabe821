import { Type } from 'class-transformer';
import { IsArray, IsIn, IsInt, IsObject, IsOptional, Matches, Max, Min, ValidateNested } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { IsCidr } from '../kit/address.js';
import { IsDuration, IsSize, OneOrMany } from '../kit/options.js';
import { IsTokens, type TokenOptions } from './tokens.js';

const kilobyte = 1_000;
const megabyte = 1_000_000;
const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** `ingest`: where webhooks come in, and how much of one is taken. Sizes in bytes, times in milliseconds. */
@JSONSchema({ description: 'Where webhooks come in, and how much of one is taken.' })
export class IngestSettings {
  @IsHost()
  host = '0.0.0.0';

  /** 0 takes any free port. */
  @IsPort()
  port = 8080;

  /** Proxies whose `X-Forwarded-For` is believed: addresses or networks. */
  @OneOrMany()
  @IsCidr({ each: true })
  trustedProxies: readonly string[] = [];

  /** The most bytes of a request's body as sent. */
  @IsSize({ min: kilobyte, max: 100 * megabyte })
  maxBody = 5 * megabyte;

  /** The most bytes of a body once inflated. */
  @IsSize({ min: kilobyte, max: 500 * megabyte })
  maxInflated = 20 * megabyte;

  /** How long a whole request may take to arrive. */
  @IsDuration({ minMs: secondMs, maxMs: 5 * minuteMs })
  requestTimeout = 15 * secondMs;

  @IsInt()
  @Min(1)
  @Max(65_535)
  maxConnections = 1_024;

  /** The most deliveries that may be owed; an alert for two sinks counts twice. Beyond it, webhooks get 503. */
  @IsInt()
  @Min(10)
  @Max(1_000_000_000)
  maxPending = 1_000_000;

  /** The most bytes of alerts, as JSON, that may be owed. The bodies they came in are on the disk beside them. */
  @IsSize({ min: 10 * kilobyte, max: 1_000_000 * megabyte })
  maxPendingBytes = 2_000 * megabyte;
}

/** `admin`: for the people who run it. */
@JSONSchema({ description: 'Health, metrics, routes, alerts: for the people who run it.' })
export class AdminSettings {
  @IsHost()
  host = '127.0.0.1';

  /** 0 takes any free port. */
  @IsPort()
  port = 9090;

  /** Who may ask, and do what; on a loopback address they may be left out, and then whoever is local may do all. */
  @IsOptional()
  @IsTokens()
  tokens?: readonly TokenOptions[];
}

/** `delivery`: what holds for every sink. Times in milliseconds. */
@JSONSchema({ description: 'What holds for every sink.' })
export class DeliverySettings {
  /** How long after its arrival an alert is still tried; then it is a dead letter. */
  @IsDuration({ minMs: minuteMs, maxMs: 90 * dayMs })
  maxAge = 7 * dayMs;

  /** How long deliveries that are under way get to end at shutdown. */
  @IsDuration({ minMs: 0, maxMs: hourMs })
  shutdownGrace = 20 * secondMs;
}

/** The top level of the config file. Journal, sources, sinks and routes are held against classes of their own. */
export class Settings {
  @ValidateNested()
  @Type(() => IngestSettings)
  ingest = new IngestSettings();

  @ValidateNested()
  @Type(() => AdminSettings)
  admin = new AdminSettings();

  @ValidateNested()
  @Type(() => DeliverySettings)
  delivery = new DeliverySettings();

  @IsIn(logLevels)
  logLevel: LogLevel = 'info';

  /** How this router is called among others on its journal; its host name and the port of `ingest`, unless told. */
  @IsOptional()
  @Matches(/^[\w.:-]{1,100}$/, { message: '$property must be letters, digits and _ . : -, 100 at most' })
  instance?: string;

  @IsObject()
  journal!: object;

  @IsObject()
  sources!: object;

  @IsObject()
  sinks!: object;

  @IsOptional()
  @IsArray()
  routes?: readonly unknown[];
}

function IsHost(): PropertyDecorator {
  return Matches(/^[\w.:-]+$/, {
    message: '$property must be an address to listen on, such as 127.0.0.1, 0.0.0.0 or ::',
  });
}

function IsPort(): PropertyDecorator {
  return (target, key) => {
    for (const decorate of [Max(65_535), Min(0), IsInt()]) decorate(target, String(key));
  };
}
