import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { FakeTerminal, run } from '../../test/support/cli.js';
import type { Ledger } from '../core/ledger.js';
import { ledgerCommand } from './ledger.js';

const receivedAt = Date.parse('2026-03-01T12:20:00Z');

let admin: AdminApp;
let terminal: FakeTerminal;
beforeEach(async () => {
  terminal = new FakeTerminal();
  admin = await startAdminApp();
  const unread = [{ index: 1, reason: 'it is odd' }];
  await admin.journal.append([acceptedRequest({ receivedAt, unread }, {}, { sinks: [] })]);
  await admin.journal.park('pager', 'HTTP 403');
});
afterEach(() => admin.close());

const ledger = (...args: string[]) => run(ledgerCommand(terminal), '--admin', admin.url, ...args);
const hour = ['--from', '2026-03-01T12:00:00Z', '--until', '2026-03-01T13:00:00Z'];

/** Has the journal say something else than it would. */
function pretend(change: (truth: Ledger) => Ledger): void {
  const truth = admin.journal.ledger.bind(admin.journal);
  admin.journal.ledger = async (range) => change(await truth(range));
}

describe('signalbox ledger', () => {
  it('prints the equations, in sum and by hour, and says that they balance', async () => {
    await ledger(...hour);
    const [title, head, source, , sink] = terminal.out.split('\n');
    expect(title).toBe('since the journal began');
    expect(head).toMatch(/^ {2}source +received += accepted +\+ duplicates /);
    expect(source).toMatch(/^ {2}warden +3 +2 +0 +1 +0 +2 +1 +1$/);
    expect(sink).toMatch(/^ {2}pager +1 +0 +0 +1 +0 +0$/);
    expect(terminal.out).toContain('accepted in the hour from 2026-03-01T12:00:00.000Z\n');
    expect(terminal.out).toMatch(/it balances\n$/);
    expect(terminal.exitCode ?? 0).toBe(0);
  });

  it('answers in JSON what the router answers, by default for the last day', async () => {
    await ledger('-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject({
      balanced: true,
      totals: { sources: [{ received: 3 }] },
      hours: [],
    });
  });

  it('acknowledges what is missing', async () => {
    const asked = jest.spyOn(admin.journal, 'acknowledge');
    await run(ledgerCommand(terminal), 'acknowledge', '--admin', admin.url);
    expect(asked).toHaveBeenCalledTimes(1);
    expect(terminal.out).toBe('what is missing is acknowledged\n');
  });

  it('exits 1 when it does not balance, and says where', async () => {
    pretend((truth) => ({
      ...truth,
      balanced: false,
      numbers: { given: 5, accounted: 2, difference: 3 },
      totals: {
        ...truth.totals,
        sinks: truth.totals.sinks.map((line) => ({ ...line, balanced: false, difference: { owed: 2 } })),
      },
    }));
    await ledger();
    expect(terminal.out).toMatch(/pager .* owed is off by 2\n/);
    expect(terminal.out).toContain('alerts numbered: 5, 3 of them unknown\n');
    expect(terminal.out).toMatch(/IT DOES NOT BALANCE\n$/);
    expect(terminal.exitCode).toBe(1);
    terminal.out = '';
    await ledger('-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject({ balanced: false });
    expect(terminal.exitCode).toBe(1);
  });

  it('names what is missing', async () => {
    const range = { from: 4, to: 9 };
    const missing = [
      { noticedAt: receivedAt, writes: range, requests: range, alerts: range, acknowledgedAt: receivedAt },
    ];
    pretend((truth) => ({ ...truth, missing }));
    await ledger();
    expect(terminal.out).toMatch(/accepted alerts missing: seq 4 to 9 .* \(acknowledged\)\n/);
  });

  it('says when it was asked wrongly', async () => {
    await expect(ledger('--from', 'yesterday')).rejects.toThrow('answered 400');
  });
});
