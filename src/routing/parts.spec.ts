import { describe, expect, it } from '@jest/globals';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import type { RoutedAlert } from '../core/journal.js';
import { partsOf, type Part } from './parts.js';
import type { Triaged } from './triage.js';

/** What is read in `counts.length` goes: so many alerts each, of which each takes `costMs`, and one unread element. */
function body(counts: readonly number[], costMs = 0, probe?: string) {
  const clock = { now: 0 };
  const alerts: RoutedAlert[] = [];
  const at = (go: number): Triaged => {
    const { alerts: made } = acceptedRequest({ receivedAt: 0 }, ...Array.from({ length: counts[go] ?? 0 }, () => ({})));
    alerts.push(...made);
    clock.now += costMs * made.length;
    return {
      alerts: made,
      unread: [{ index: go, reason: 'it is odd' }],
      ...(go === 0 && probe !== undefined && { probe }),
      ...(go + 1 < counts.length && { rest: () => at(go + 1) }),
    };
  };
  return { begin: () => at(0), now: () => clock.now, clock, alerts };
}

/** The parts, without the pauses; of alerts what was given, without what was made of them. */
function partsIn(parts: Iterable<Part | undefined>) {
  return [...parts].flatMap((part) =>
    part ? [{ ...part, alerts: part.alerts.map(({ json: _, ...routed }) => routed) }] : [],
  );
}

const odd = (index: number) => ({ index, reason: 'it is odd' });

describe('a body', () => {
  it('that is read in one go is one part, and none: as it was read', () => {
    const { begin, now, alerts } = body([3], 1, 'hello');
    expect([...partsOf(begin, now)]).toEqual([{ alerts, unread: [odd(0)], probe: 'hello', part: undefined }]);
  });

  it('of up to a thousand alerts is one part, in however many goes it is read', () => {
    for (const counts of [[1_000], [3, 2], [400, 400, 200], [999, 1]]) {
      const { begin, now, alerts } = body(counts);
      expect(partsIn(partsOf(begin, now))).toEqual([{ alerts, unread: counts.map((_, index) => odd(index)) }]);
    }
  });

  it('of more is several, of a thousand each, with what could not be read in the last', () => {
    for (const counts of [[2_500], [600, 600, 600, 600, 100], [999, 1, 1_500], [1_000, 1]]) {
      const { begin, now, alerts } = body(counts, 0, 'hello');
      const parts = partsIn(partsOf(begin, now));
      expect(parts.flatMap((part) => part.alerts)).toEqual(alerts);
      expect(parts.slice(0, -1).map((part) => [part.alerts.length, part.unread])).toEqual(
        parts.slice(1).map(() => [1_000, []]),
      );
      expect(parts.at(-1)?.unread).toEqual(counts.map((_, index) => odd(index)));
      expect(parts.map(({ part }) => part)).toEqual(
        parts.map((_, index) => ({ isFirst: index === 0, isLast: index === parts.length - 1 })),
      );
      expect(parts.map(({ probe }) => probe)).toEqual(['hello', ...parts.slice(1).map(() => undefined)]);
    }
  });

  it('that takes longer than a moment is read with pauses, and nothing of it before it is asked for', () => {
    const { begin, now, clock, alerts } = body([4, 4, 4, 4, 4], 2);
    const parts = partsOf(begin, now);
    expect(clock.now).toBe(0);
    expect(parts.next().value).toBeUndefined();
    expect(clock.now).toBe(16);
    // Whatever time passes in a pause is nobody's.
    clock.now += 1_000;
    expect(parts.next().value).toBeUndefined();
    expect(clock.now).toBe(1_032);
    const { value, done } = parts.next();
    expect(done).toBe(false);
    expect(partsIn([value ?? undefined])).toEqual([{ alerts, unread: [0, 1, 2, 3, 4].map(odd) }]);
    expect(parts.next().done).toBe(true);
  });

  it('has a pause between two parts', () => {
    const { begin, now } = body([2_500]);
    expect([...partsOf(begin, now)].map((part) => part?.alerts.length)).toEqual([
      1_000,
      undefined,
      1_000,
      undefined,
      500,
    ]);
  });

  it('that takes longer than a moment has as JSON, too, what of it was read after that', () => {
    const { begin, now, alerts } = body([2, 4, 2], 2);
    const [, part] = partsOf(begin, now);
    const made = part?.alerts.map(({ json }) => (json === undefined ? undefined : (JSON.parse(json) as unknown)));
    const later = alerts.slice(6).map(({ alert }) => alert);
    expect(made).toEqual([...alerts.slice(0, 6).map(() => undefined), ...later]);
    const [quick] = partsOf(body([2, 2]).begin, now);
    expect(quick?.alerts.some((routed) => 'json' in routed)).toBe(false);
  });
});
