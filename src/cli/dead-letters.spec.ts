import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { FakeTerminal, run } from '../../test/support/cli.js';
import { deadLettersCommand } from './dead-letters.js';

const receivedAt = Date.parse('2026-03-01T12:00:00Z');

let admin: AdminApp;
let terminal: FakeTerminal;
beforeEach(async () => {
  terminal = new FakeTerminal();
  admin = await startAdminApp();
});
afterEach(() => admin.close());

const deadLetters = (...args: string[]) => run(deadLettersCommand(terminal), ...args, '--admin', admin.url);

/** Two alerts that the pager refused and one that broke its plugin. */
async function giveUp(): Promise<string> {
  const [receipt] = await admin.journal.append([
    acceptedRequest({ receivedAt }, { title: 'disk\u001b[2J' }, { title: 'fire', severity: 'low' }, { title: 'flood' }),
  ]);
  for await (const batch of admin.journal.claim('pager', { count: 3 }, AbortSignal.timeout(5_000))) {
    const settlements = batch.map(({ lease, alert }) => ({
      sink: 'pager',
      lease,
      attempt: {
        attempt: 1,
        at: receivedAt,
        durationMs: 3,
        outcome: 'rejected' as const,
        answer: { status: 400, excerpt: 'title is too odd' },
      },
      next: {
        kind: 'dead' as const,
        fault: alert.title === 'flood' ? ('ours' as const) : ('theirs' as const),
        reason: 'no',
      },
    }));
    await admin.journal.settle(settlements);
    break;
  }
  return receipt?.alerts[0]?.id ?? '';
}

describe('signalbox dead-letters', () => {
  it('lists them, newest first, safe for a terminal', async () => {
    await deadLetters();
    expect(terminal.out).toBe('no dead letters\n');
    const id = await giveUp();
    terminal.out = '';
    await deadLetters();
    const lines = terminal.out.split('\n');
    expect(lines.map((line) => line.split('  ').at(-1)?.trim())).toEqual([
      'flood: no',
      'fire: no',
      'disk\\u001b[2J: no',
      '',
    ]);
    expect(lines[2]).toContain(`2026-03-01T12:00:00.000Z  ${id}  pager  theirs  high `);
  });

  it('keeps ours apart from theirs, and takes every other filter', async () => {
    await giveUp();
    await deadLetters('--fault', 'ours');
    expect(terminal.out).toMatch(/^.*flood: no\n$/);
    terminal.out = '';
    await deadLetters('list', '--severity', 'low', '--sink', 'pager', '--source', 'warden', '--from', '2026-03-01');
    expect(terminal.out).toMatch(/^.*fire: no\n$/);
    terminal.out = '';
    await deadLetters('--limit', '1', '-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject({ items: [{ title: 'flood' }], next: expect.any(String) });
    terminal.out = '';
    await deadLetters('--limit', '1');
    expect(terminal.out).toMatch(/flood: no\n… more: --cursor \S+\n$/);
    expect(await deadLetters('--fault', 'nobody')).toBeDefined();
  });

  it('shows one with every attempt and what the other side answered', async () => {
    const id = await giveUp();
    await deadLetters('show', id);
    expect(terminal.out).toContain('  pager: dead (theirs), for everything: no\n');
    expect(terminal.out).toMatch(/#1 +2026-03-01T12:00:00.000Z +3 ms +rejected +HTTP 400\n/);
    expect(terminal.out).toContain('    #1 was answered: title is too odd\n');
    terminal.out = '';
    await deadLetters('show', id, '-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject({ alert: { id }, deliveries: [{ sink: 'pager', fault: 'theirs' }] });
  });
});
