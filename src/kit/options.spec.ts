import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { plainToInstance } from 'class-transformer';
import { IsArray, IsOptional, validateSync } from 'class-validator';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import { Secret } from '../core/secret.js';
import { durationText, IsDuration, IsSecret, IsSize, OneOrMany, sizeText } from './options.js';

class Options {
  @IsOptional() @IsSecret() key?: unknown;
  @IsOptional() @IsArray() @IsSecret({ each: true }) keys?: unknown;
  @IsOptional() @IsDuration() wait?: unknown;
  @IsOptional() @IsDuration({ minMs: 1_000, maxMs: 3_600_000 }) every?: unknown;
  @IsOptional() @IsSize() limit?: unknown;
  @IsOptional() @IsSize({ min: 1_000, max: 5_000_000 }) cap?: unknown;
  @IsOptional() @IsArray() @OneOrMany() names?: unknown;
}

const read = (written: object): Options => plainToInstance(Options, written);
const problemOf = (written: object): string =>
  validateSync(read(written))
    .flatMap(({ constraints }) => Object.values(constraints ?? {}))
    .join('; ');
const isInSchema = (written: object): boolean =>
  new Ajv({ strict: false }).validate(targetConstructorToSchema(Options), written);

describe('a duration', () => {
  it.each([
    ['0s', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['4h', 14_400_000],
    ['7d', 604_800_000],
    ['1.5h', 5_400_000],
    [' 10 S ', 10_000],
  ])('%j is %d ms', (wait, ms) => {
    expect(read({ wait }).wait).toBe(ms);
    expect(problemOf({ wait })).toBe('');
  });

  it.each(['30', 30, '', 's', '5 weeks', '-5s', 'x5s', '5sx', '1.s', null, true, ['5s']])('%j is none', (wait) => {
    if (wait !== null) expect(problemOf({ wait })).toBe('wait must be a duration such as 500ms, 30s, 5m, 4h or 7d');
    expect(read({ wait }).wait).not.toEqual(expect.any(Number));
  });

  it('may have bounds, which are told', () => {
    expect([problemOf({ every: '1s' }), problemOf({ every: '1h' })]).toEqual(['', '']);
    const refused = expect.stringMatching(/7d, at least 1s, at most 1h$/) as unknown;
    expect([problemOf({ every: '999ms' }), problemOf({ every: '3601s' })]).toEqual([refused, refused]);
  });

  it('is a text of that form in the schema', () => {
    expect(['30s', '1.5h'].map((wait) => isInSchema({ wait }))).toEqual([true, true]);
    expect(['30', 30, '5 weeks'].map((wait) => isInSchema({ wait }))).toEqual([false, false, false]);
  });

  it('is shown in the largest unit that says it in whole numbers', () => {
    const shown = [0, 1, 999, 1_000, 1_500, 90_000, 3_600_000, 86_400_000, 90_000_000].map(durationText);
    expect(shown).toEqual(['0d', '1ms', '999ms', '1s', '1500ms', '90s', '1h', '1d', '25h']);
  });
});

describe('a size', () => {
  it.each([
    ['12b', 12],
    ['64kb', 64_000],
    ['5MB', 5_000_000],
    ['2gb', 2_000_000_000],
    ['0.5kb', 500],
  ])('%j is %d bytes', (limit, bytes) => {
    expect(read({ limit }).limit).toBe(bytes);
    expect(problemOf({ limit })).toBe('');
  });

  it('is refused without a unit, or out of its bounds', () => {
    expect(problemOf({ limit: 64 })).toBe('limit must be a size such as 64kb, 5mb or 2gb');
    expect([problemOf({ cap: '1kb' }), problemOf({ cap: '5mb' })]).toEqual(['', '']);
    const refused = expect.stringMatching(/2gb, at least 1kb, at most 5mb$/) as unknown;
    expect([problemOf({ cap: '999b' }), problemOf({ cap: '5001kb' })]).toEqual([refused, refused]);
  });

  it('is shown in the largest unit that says it in whole numbers', () => {
    expect([12, 64_000, 5_000_000, 2_000_000_000].map(sizeText)).toEqual(['12b', '64kb', '5mb', '2gb']);
  });
});

describe('a credential', () => {
  it('is a secret from the moment it is read', () => {
    const { key } = read({ key: 'swordfish' });
    expect(key).toBeInstanceOf(Secret);
    expect((key as Secret).reveal()).toBe('swordfish');
    expect(problemOf({ key: 'swordfish' })).toBe('');
  });

  it.each(['', 7, ['swordfish'], true])('is not %j, and the reason says how to write one', (key) => {
    expect(problemOf({ key })).toMatch(/^key must be a non-empty string, best as \$\{ENV_NAME\}/);
  });

  it('may be one or a list where several are allowed', () => {
    const revealed = (keys: unknown) => (read({ keys }).keys as Secret[]).map((each) => each.reveal());
    expect([revealed('a'), revealed(['a', 'b'])]).toEqual([['a'], ['a', 'b']]);
    expect([problemOf({ keys: ['a', 'b'] }), problemOf({})]).toEqual(['', '']);
    expect(problemOf({ keys: ['a', ''] })).toMatch(/non-empty string/);
  });

  it('is a text of at least one letter in the schema, or a list of such', () => {
    expect([{ key: 'a' }, { keys: 'a' }, { keys: ['a'] }].map(isInSchema)).toEqual([true, true, true]);
    expect([{ key: '' }, { key: ['a'] }, { keys: [] }, { keys: [''] }, { key: 7 }].map(isInSchema)).toEqual(
      Array(5).fill(false),
    );
    expect(JSON.stringify(targetConstructorToSchema(Options))).toContain('"writeOnly":true');
  });
});

it('one value is a list of one where there may be many, and nothing stays nothing', () => {
  expect([read({ names: 'a' }), read({ names: ['a', 'b'] }), read({})].map(({ names }) => names)).toEqual([
    ['a'],
    ['a', 'b'],
    undefined,
  ]);
});
