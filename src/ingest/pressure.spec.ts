import { beforeEach, describe, expect, it } from '@jest/globals';
import { ActivityStream, type Activity } from '../core/activity.js';
import type { Pending } from '../core/journal.js';
import { Pressure } from './pressure.js';

const limits = { maxPending: 100, maxPendingBytes: 10_000 };

let owed: Record<string, Pending>;
let told: string[];
let activity: ActivityStream;

beforeEach(() => {
  owed = {};
  told = [];
  activity = new ActivityStream();
  activity.subscribe((each: Activity) => {
    if (each.kind === 'pressure') told.push(`${each.level} at ${each.fill}`);
  });
});

const owe = (source: string, deliveries: number, bytes = 0) => {
  owed[source] = { deliveries, bytes };
};
const journal = {
  pending: (source?: string): Pending => {
    const counted = source === undefined ? Object.values(owed) : [owed[source] ?? { deliveries: 0, bytes: 0 }];
    return {
      deliveries: counted.reduce((sum, each) => sum + each.deliveries, 0),
      bytes: counted.reduce((sum, each) => sum + each.bytes, 0),
    };
  },
};
const pressureOf = (sources: number) => new Pressure(limits, sources, journal, activity);

describe('the pressure of the backlog', () => {
  it('is told of once as it crosses 80 % and 100 %, and once as it falls', () => {
    const pressure = pressureOf(1);
    for (const deliveries of [0, 79, 80, 85, 79, 99, 100, 120, 95, 90, 89, 75, 69, 10]) {
      owe('noisy', deliveries);
      pressure.look();
    }
    expect(told).toEqual(['high at 0.8', 'full at 1', 'high at 0.89', 'normal at 0.69']);
  });

  it('refuses from 100 % on, and takes again below 90 %', () => {
    const pressure = pressureOf(1);
    const refused = [99, 100, 95, 90, 89, 99].map((deliveries) => {
      owe('noisy', deliveries);
      return pressure.refuses('noisy');
    });
    expect(refused).toEqual([false, true, true, true, false, false]);
  });

  it('counts bytes as well as deliveries: the nearer limit holds', () => {
    const pressure = pressureOf(1);
    owe('noisy', 1, 9_999);
    expect(pressure.refuses('noisy')).toBe(false);
    owe('noisy', 1, 10_000);
    expect(pressure.refuses('noisy')).toBe(true);
  });

  it('of a noisy source silences no quiet one, up to the reserve and its fair share', () => {
    const pressure = pressureOf(4);
    owe('noisy', 100);
    expect([pressure.refuses('noisy'), pressure.refuses('quiet'), pressure.refuses('new')]).toEqual([
      true,
      false,
      false,
    ]);
    owe('quiet', 9);
    expect(pressure.refuses('quiet')).toBe(false);
    owe('quiet', 10);
    expect([pressure.refuses('quiet'), pressure.refuses('new')]).toEqual([true, true]);
    owe('noisy', 82);
    owe('quiet', 25);
    expect([pressure.refuses('quiet'), pressure.refuses('new')]).toEqual([true, false]);
  });
});
