import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Max, Min, ValidateNested } from 'class-validator';
import { defineJournal } from '../../src/core/journal.js';
import type { Secret } from '../../src/core/secret.js';
import { defineSink } from '../../src/core/sink.js';
import { defineSource } from '../../src/core/source.js';
import { IsDuration, IsSecret, OneOrMany } from '../../src/kit/options.js';
import { ApiSourceOptions, SourceOptions } from '../../src/kit/source-options.js';
import type { Plugins } from '../../src/config/plugins.js';

class Door {
  @IsString()
  name!: string;

  @IsOptional()
  @IsInt()
  width?: number;
}

export class HookOptions extends SourceOptions {
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(9)
  size?: number;

  @IsOptional()
  @IsBoolean()
  strict?: boolean;

  @IsOptional()
  @ValidateNested()
  @Type(() => Door)
  front?: Door;

  @IsOptional()
  @ValidateNested({ each: true })
  @Type(() => Door)
  doors?: Door[];
}

export class WellOptions extends ApiSourceOptions {
  @IsOptional()
  @IsSecret()
  api?: Secret;
}

export class PostOptions {
  @IsSecret()
  apiKey!: Secret;

  @IsIn(['north.example', 'south.example'])
  site = 'north.example';

  @IsDuration({ minMs: 1 })
  timeout = 15_000;

  @IsOptional()
  @OneOrMany()
  @IsString({ each: true })
  tags?: string[];
}

export class PaperOptions {
  @IsOptional()
  @IsInt()
  sheets?: number;
}

/** The sources and the sinks that were closed, by name. */
export const closedSources: string[] = [];
export const closedSinks: string[] = [];

async function* noPages(): AsyncGenerator<never> {}

/** Plugins of each kind, enough to hold a config against. The source `well` can pull and look alerts up, with an `api`. A sink called `broken` refuses to open. */
export const plugins: Plugins = {
  sources: [
    defineSource({
      type: 'hook',
      vendor: 'acme',
      product: 'hooks',
      options: HookOptions,
      open: () => ({ authenticate: () => ({ ok: false }), read: () => ({ drafts: [], unread: [] }) }),
    }),
    defineSource({
      type: 'well',
      vendor: 'acme',
      product: 'wells',
      options: WellOptions,
      open: ({ api }, { name }) => ({
        authenticate: () => ({ ok: false }),
        read: () => ({ drafts: [], unread: [] }),
        ...(api && { pull: noPages, lookup: () => Promise.resolve({ kind: 'unknown' as const }) }),
        close: () => Promise.resolve(void closedSources.push(name)),
      }),
    }),
  ],
  sinks: [
    defineSink({
      type: 'post',
      options: PostOptions,
      open: ({ apiKey }, { name }) => {
        if (name === 'broken') throw new Error(`nobody knows the key ${apiKey.reveal()}`);
        return {
          maxBatch: 1,
          concurrency: 1,
          keepsState: false,
          deliver: () => Promise.resolve({ kind: 'delivered' as const }),
          close: () => Promise.resolve(void closedSinks.push(name)),
        };
      },
    }),
  ],
  journals: [
    defineJournal({ type: 'paper', options: PaperOptions, open: () => Promise.reject(new Error('no paper')) }),
  ],
};
