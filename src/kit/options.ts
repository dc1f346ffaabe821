import { Transform } from 'class-transformer';
import { ValidateBy, type ValidationOptions } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { Secret } from '../core/secret.js';

/**
 * Decorators for the option classes of plugins. Each reads what people write in YAML, keeps what it cannot read as it
 * is so that validation can name it, and says what to write instead.
 */

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Readonly<Record<string, number>> = { b: 1, kb: 1_000, mb: 1_000_000, gb: 1_000_000_000 };

/** A credential: `Secret` in the instance, a string (or `${file:…}`) in YAML. With `each`, one or a list of them. */
export function IsSecret(options: { each?: boolean } = {}): PropertyDecorator {
  const toSecret = (value: unknown): unknown => (typeof value === 'string' && value !== '' ? new Secret(value) : value);
  const convert = (value: unknown): unknown => (options.each === true ? asList(value)?.map(toSecret) : toSecret(value));
  const text = { type: 'string', minLength: 1, writeOnly: true } as const;
  return all(
    Transform(({ value }) => convert(value), { toClassOnly: true }),
    ValidateBy(
      {
        name: 'isSecret',
        validator: {
          validate: (value) => value instanceof Secret,
          defaultMessage: () => '$property must be a non-empty string, best as ${ENV_NAME} or ${file:/path/to/secret}',
        },
      },
      { each: options.each ?? false } satisfies ValidationOptions,
    ),
    // As a function, it replaces what would be derived from the class of the instance.
    JSONSchema(() => (options.each === true ? { oneOf: [text, { type: 'array', items: text, minItems: 1 }] } : text)),
  );
}

/** A span of time such as `30s`, `5m`, `4h` or `7d`: milliseconds in the instance. */
export function IsDuration(range: { minMs?: number; maxMs?: number } = {}): PropertyDecorator {
  return unitValue('isDuration', durationUnits, 'a duration such as 500ms, 30s, 5m, 4h or 7d', {
    min: range.minMs,
    max: range.maxMs,
  });
}

/** A number of bytes such as `64kb` or `5mb`: bytes in the instance. */
export function IsSize(range: { min?: number; max?: number } = {}): PropertyDecorator {
  return unitValue('isSize', sizeUnits, 'a size such as 64kb, 5mb or 2gb', range);
}

/** Milliseconds as people write them, e.g. `90s`. */
export function durationText(ms: number): string {
  return inUnits(ms, durationUnits);
}

/** Bytes as people write them, e.g. `5mb`. */
export function sizeText(bytes: number): string {
  return inUnits(bytes, sizeUnits);
}

/** In the largest unit that divides it. */
function inUnits(value: number, units: Readonly<Record<string, number>>): string {
  const [unit, size] = Object.entries(units).findLast(([, candidate]) => value % candidate === 0) ?? ['', 1];
  return `${value / size}${unit}`;
}

function unitValue(
  name: string,
  units: Readonly<Record<string, number>>,
  wanted: string,
  range: { min?: number | undefined; max?: number | undefined },
): PropertyDecorator {
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)\\s*(${Object.keys(units).join('|')})$`, 'i');
  // A bare number says no unit: it is kept as text, which validation refuses.
  const read = (value: unknown): unknown => {
    const match = typeof value === 'string' ? pattern.exec(value.trim()) : null;
    if (!match) return typeof value === 'number' ? String(value) : value;
    return Number(match[1]) * (units[match[2]?.toLowerCase() ?? ''] ?? Number.NaN);
  };
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = range;
  const bounds = [
    ...(range.min === undefined || range.min === 0 ? [] : [`at least ${inUnits(range.min, units)}`]),
    ...(range.max === undefined ? [] : [`at most ${inUnits(range.max, units)}`]),
  ];
  return all(
    Transform(({ value }) => read(value), { toClassOnly: true }),
    ValidateBy({
      name,
      validator: {
        validate: (value) => typeof value === 'number' && value >= min && value <= max,
        defaultMessage: () => `$property must be ${[wanted, ...bounds].join(', ')}`,
      },
    }),
    JSONSchema(() => ({ type: 'string', pattern: pattern.source, description: wanted })),
  );
}

/** One value or a list of them in YAML: always a list in the instance. */
export function OneOrMany(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) => asList(value), { toClassOnly: true });
}

function asList(value: unknown): unknown[] | undefined {
  if (value === undefined) return undefined;
  return Array.isArray(value) ? (value as unknown[]) : [value];
}

function all(...decorators: ((target: object, key: string) => void)[]): PropertyDecorator {
  return (target, key) => {
    for (const decorate of decorators) decorate(target, String(key));
  };
}
