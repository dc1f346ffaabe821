import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { FakeTerminal, run } from '../../test/support/cli.js';
import { pullCommand } from './pull.js';
import { reconcileCommand } from './reconcile.js';

const receivedAt = Date.parse('2026-03-01T12:20:00Z');
const week = ['--from', '2026-02-26', '--until', '2026-03-02'];

let admin: AdminApp;
let terminal: FakeTerminal;
beforeEach(async () => {
  terminal = new FakeTerminal();
  admin = await startAdminApp({ pulls: true });
  await admin.journal.beginPull('warden', receivedAt);
});
afterEach(() => admin.close());

const reconcile = (...args: string[]) => run(reconcileCommand(terminal), '--admin', admin.url, ...args);
const pull = (verb: string, ...args: string[]) => run(pullCommand(terminal), verb, '--admin', admin.url, ...args);

async function pulled(totals: Readonly<Record<string, number>>): Promise<void> {
  await admin.journal.append([acceptedRequest({ receivedAt }, { finding: 'a' })]);
  const mark = { cursor: 'c', isLast: true, totals };
  await admin.journal.append([acceptedRequest({ receivedAt, pull: mark }, { finding: 'a' }, { finding: 'b' })]);
}

describe('signalbox reconcile', () => {
  it('tells per day what the vendor has and by which way it came, and exits 0', async () => {
    await pulled({});
    await reconcile(...week);
    const [head, day, last] = terminal.out.split('\n');
    expect(head).toMatch(/^day +source +vendor has +webhook brought +pull recovered +missing +changes only pulled/);
    expect(day).toMatch(/^2026-03-01 +warden +2 seen +1 +1 +0 +0$/);
    expect(last).toBe('nothing is missing');
    expect(terminal.exitCode ?? 0).toBe(0);
  });

  it('exits 1 where something is missing', async () => {
    await pulled({ '2026-03-01': 4 });
    await reconcile(...week);
    expect(terminal.out).toMatch(/^2026-03-01 +warden +4 +1 +1 +2 +0$/m);
    expect(terminal.out).toMatch(/SOMETHING IS MISSING\n$/);
    expect(terminal.exitCode).toBe(1);
  });

  it('answers in JSON what the router answers', async () => {
    await pulled({ '2026-03-01': 4 });
    await reconcile(...week, '-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject({ complete: false, days: [{ source: 'warden', missing: 2 }] });
    expect(terminal.exitCode).toBe(1);
  });

  it('says when no source pulled', async () => {
    await reconcile(...week);
    expect(terminal.out).toBe('no source pulled anything of these days\n');
    expect(terminal.exitCode ?? 0).toBe(0);
  });
});

describe('signalbox pull', () => {
  it('parks a pull, shows it, and lets it go on', async () => {
    await pull('park', 'warden', '--reason', 'key rotation');
    expect(terminal.out).toBe('the pull of warden is parked; its webhook goes on\n');
    terminal.out = '';
    await pull('list');
    expect(terminal.out).toMatch(/^warden +parked +never caught up +next 2026-03-01T12:05:00.000Z +key rotation\n$/);
    await pull('resume', 'warden');
    terminal.out = '';
    await pull('list', '-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject([{ name: 'warden', pull: { state: 'waiting' } }]);
  });

  it('says that a source does not pull', async () => {
    await expect(pull('park', 'other')).rejects.toThrow('answered 404');
  });
});
