import { Secret } from '../core/secret.js';

/** True for options that say the same, credentials included. */
export function isSame(one: unknown, other: unknown): boolean {
  if (one instanceof Secret || other instanceof Secret) {
    return one instanceof Secret && other instanceof Secret && one.reveal() === other.reveal();
  }
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [ours, theirs] = [entriesOf(one), entriesOf(other)];
  return ours.size === theirs.size && [...ours].every(([key, value]) => isSame(value, theirs.get(key)));
}

/** An option that is undefined is one that was not given. */
function entriesOf(options: object): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(options).filter(([, value]) => value !== undefined));
}
