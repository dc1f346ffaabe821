import { describe, expect, it } from '@jest/globals';
import { actionOf, isTerminal, reportTimeOf, severities, severityIdOf, states } from './alert.js';

describe('a severity', () => {
  it('has the number that OCSF gives it', () => {
    expect(severities.map((severity) => [severity, severityIdOf(severity)])).toEqual([
      ['unknown', 0],
      ['informational', 1],
      ['low', 2],
      ['medium', 3],
      ['high', 4],
      ['critical', 5],
    ]);
  });
});

describe('a state', () => {
  it('ends a finding where it is resolved or closed, and nowhere else', () => {
    expect(states.filter(isTerminal)).toEqual(['resolved', 'closed']);
  });
});

describe('a report', () => {
  it('opens a finding at first sight, changes it later', () => {
    expect(actionOf('open', true)).toBe('create');
    expect(actionOf('open', false)).toBe('update');
  });

  it('that ends a finding closes it, at first sight too', () => {
    expect(actionOf('resolved', true)).toBe('close');
    expect(actionOf('closed', false)).toBe('close');
  });

  it('has the time of the finding where it opens it, and the time of the change afterwards', () => {
    const times = { time: '2026-05-01T10:00:00.000Z', updatedTime: '2026-05-01T11:00:00.000Z' };
    expect(reportTimeOf({ ...times, action: 'create' })).toBe(times.time);
    expect(reportTimeOf({ ...times, action: 'update' })).toBe(times.updatedTime);
    expect(reportTimeOf({ ...times, action: 'close' })).toBe(times.updatedTime);
  });

  it('of a change without a time of its own has the time of the finding', () => {
    const time = '2026-05-01T10:00:00.000Z';
    expect(reportTimeOf({ time, action: 'update' })).toBe(time);
  });
});
