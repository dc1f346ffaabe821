import { Secret } from '../core/secret.js';
import { durationText, sizeText } from '../kit/options.js';
import { NoAuth } from '../kit/source-options.js';
import { hasRule } from './rules.js';

/**
 * An instance of an option class as YAML would have it: durations and sizes with their unit, every credential and
 * every text that came from a file as `[secret]`.
 */
export function describeOptions(options: object, fromFiles: readonly string[]): Record<string, unknown> {
  const entries: [string, unknown][] = Object.entries(options);
  return Object.fromEntries(
    entries
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, describeValue(value, unitOf(options.constructor, key), fromFiles)]),
  );
}

type Unit = (value: number) => string;

function unitOf(type: NewableFunction, key: string): Unit | undefined {
  if (hasRule(type, key, 'isDuration')) return durationText;
  return hasRule(type, key, 'isSize') ? sizeText : undefined;
}

function describeValue(value: unknown, unit: Unit | undefined, fromFiles: readonly string[]): unknown {
  if (value instanceof Secret) return String(value);
  if (value instanceof NoAuth) return value.type;
  if (typeof value === 'number' && unit) return unit(value);
  if (typeof value === 'string') return fromFiles.some((text) => isIn(value, text)) ? '[secret]' : value;
  if (Array.isArray(value)) return value.map((element) => describeValue(element, unit, fromFiles));
  return typeof value === 'object' && value !== null ? describeOptions(value, fromFiles) : value;
}

function isIn(value: string, text: string): boolean {
  return text !== '' && value.includes(text);
}
