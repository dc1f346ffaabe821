import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { FakeTerminal, run } from '../../test/support/cli.js';
import { sinksCommand } from './sinks.js';

let admin: AdminApp;
let terminal: FakeTerminal;
beforeEach(async () => {
  terminal = new FakeTerminal();
  admin = await startAdminApp();
  await admin.journal.append([acceptedRequest({ receivedAt: Date.now() }, {})]);
});
afterEach(() => admin.close());

const sinks = (verb: string, ...args: string[]) => run(sinksCommand(terminal), verb, '--admin', admin.url, ...args);

describe('signalbox sinks', () => {
  it('lists them with their backlogs', async () => {
    await admin.journal.park('pager', 'HTTP 403');
    await sinks('list');
    expect(terminal.out).toMatch(/^sink +state +backlog/);
    expect(terminal.out).toMatch(/^pager +parked +1 .*HTTP 403, since 20/m);
  });

  it('parks one, with the reason, and lets it go on', async () => {
    await sinks('park', 'pager', '--reason', 'maintenance');
    expect(terminal.out).toBe('pager is parked\n');
    expect((await admin.journal.counts()).sinks).toMatchObject([{ sink: 'pager', parked: { reason: 'maintenance' } }]);
    await sinks('resume', 'pager');
    expect((await admin.journal.counts()).sinks[0]?.parked).toBeUndefined();
  });

  it('says what the other side made of a test', async () => {
    await sinks('test', 'pager');
    expect(terminal.out).toMatch(/^pager: \w+.* \(\d+ ms\)$/m);
  });

  it('does not give up what a sink of the config is owed', async () => {
    await expect(sinks('give-up', 'pager')).rejects.toThrow('take it out');
    expect((await admin.journal.counts()).sinks).toMatchObject([{ sink: 'pager', pending: 1, dead: 0 }]);
  });
});
