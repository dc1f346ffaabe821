import { describe, expect, it } from '@jest/globals';
import { describeMissing, sizeOf } from './missing.js';

const noticed = { noticedAt: Date.UTC(2026, 4, 2), writes: { from: 31, to: 40 } };

describe('what a journal lost', () => {
  it('is counted with both ends', () => {
    expect(sizeOf({ from: 5, to: 9 })).toBe(5);
    expect(sizeOf({ from: 5, to: 5 })).toBe(1);
    expect(sizeOf(undefined)).toBe(0);
  });

  it('is told by the numbers of the alerts, and of the requests they came in', () => {
    const text = describeMissing({ ...noticed, requests: { from: 8, to: 9 }, alerts: { from: 15, to: 19 } });
    expect(text).toContain('accepted alerts missing: seq 15 to 19 (requests 8 to 9)');
    expect(text).toContain('damaged, cut off or deleted');
  });

  it('is told of alerts alone where the request is there, with an earlier part of it', () => {
    expect(describeMissing({ ...noticed, alerts: { from: 15, to: 19 } })).toContain(
      'accepted alerts missing: seq 15 to 19 (of requests that are there)',
    );
  });

  it('without an alert among it is told by the numbers of the requests', () => {
    const text = describeMissing({ ...noticed, requests: { from: 8, to: 9 } });
    expect(text).toContain('accepted requests missing: seq 8 to 9, no alert among them');
    expect(text).toContain('damaged, cut off or deleted');
  });

  it('without a request among it is no accepted alert, but deliveries that are made again', () => {
    const text = describeMissing(noticed);
    expect(text).toContain('no accepted alert is missing, but writes 31 to 40');
    expect(text).toContain('damaged, cut off or deleted');
    expect(text).toContain('some deliveries are made again');
  });

  it('is not known where the mark is gone', () => {
    const text = describeMissing({ ...noticed, endUnknown: { lastAlert: 14 } });
    expect(text).toContain('the mark beside the journal is gone or damaged');
    expect(text).toContain('nobody can tell whether accepted alerts after seq 14 are missing');
  });

  it('is what came after the backup, where the journal was restored from one', () => {
    const backupAt = Date.UTC(2026, 4, 1, 10);
    const text = describeMissing({ ...noticed, endUnknown: { lastAlert: 14, backupAt } });
    expect(text).toContain('restored from the backup of 2026-05-01T10:00:00.000Z');
    expect(text).toContain('nobody can tell whether accepted alerts after seq 14 are missing');
    expect(text).not.toContain('gone or damaged');
  });
});
