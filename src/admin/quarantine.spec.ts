import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { FakeTerminal, run } from '../../test/support/cli.js';
import type { Activity } from '../core/activity.js';
import { quarantineCommand } from '../cli/quarantine.js';

let admin: AdminApp;
let terminal: FakeTerminal;
beforeEach(async () => {
  terminal = new FakeTerminal();
  admin = await startAdminApp();
});
afterEach(() => admin.close());

/** What the source of then could not read: that of today reads what has a title. */
async function keep(body: object, source = 'warden'): Promise<string> {
  const unread = [{ reason: 'nobody knew how' }];
  const given = acceptedRequest({ receivedAt: Date.now(), source, unread, body: Buffer.from(JSON.stringify(body)) });
  await admin.journal.append([given]);
  return given.id;
}

const post = (body: object) => request(admin.url).post('/api/v1/quarantine/replay').send(body);
const left = async () => (await admin.journal.quarantine({ limit: 50 })).items;
const quarantine = (...args: string[]) => run(quarantineCommand(terminal), ...args, '--admin', admin.url);

describe('POST /api/v1/quarantine/replay', () => {
  it("reads again by today's source and routes, once", async () => {
    const readable = await keep({ title: 'disk is full', severity: 'low' });
    const unreadable = await keep({ name: 'no title' });
    await keep({ title: 'of a source that is gone' }, 'gone');
    const expected = { requests: 2, accepted: 1, duplicates: 0, probes: 0, quarantined: 1, more: false };
    expect((await post({ dryRun: true }).expect(200)).body).toMatchObject(expected);
    expect(await left()).toHaveLength(3);
    expect((await post({}).expect(200)).body).toMatchObject({
      ...expected,
      reasons: [{ requestId: unreadable, reason: 'it has no title' }],
    });
    expect(await left()).toMatchObject([{ requestId: unreadable, reason: 'it has no title' }, { source: 'gone' }]);
    const { items } = await admin.journal.alerts({}, { limit: 10 });
    expect(items).toMatchObject([{ title: 'disk is full', routes: ['rest'] }]);
    const record = await admin.journal.alert(items[0]?.id ?? '');
    expect(record?.alert.raw).toMatchObject({ ref: readable });
    expect((await post({}).expect(200)).body).toMatchObject({ requests: 1, accepted: 0, quarantined: 1 });
    expect((await admin.journal.auditLog({ limit: 9 })).items).toHaveLength(3);
  });

  it('is told to whoever listens, but for a dry run', async () => {
    const requestId = await keep({ title: 'disk is full', severity: 'low' });
    const told: Activity[] = [];
    admin.activity.subscribe((each) => told.push(each));
    await post({ dryRun: true }).expect(200);
    expect(told).toEqual([]);
    await post({}).expect(200);
    const counts = { accepted: 1, duplicates: 0, quarantined: 0 };
    expect(told).toEqual([expect.objectContaining({ kind: 'reread', source: 'warden', requestId, ...counts })]);
    const line = admin.lines.find((each) => each.includes('quarantine read again'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ requestId, ...counts });
  });

  it('takes what is selected and nothing else', async () => {
    const id = await keep({ title: 'a' });
    await keep({ title: 'b' });
    expect((await post({ source: 'other' }).expect(200)).body).toMatchObject({ requests: 0 });
    expect((await post({ until: '2026-01-01' }).expect(200)).body).toMatchObject({ requests: 0 });
    expect((await post({ ids: [id] }).expect(200)).body).toMatchObject({ requests: 1, accepted: 1 });
    await post({ ids: ['x'] }).expect(400);
    expect(await left()).toHaveLength(1);
  });
});

describe('signalbox quarantine', () => {
  it('lists, shows the bytes, and reads again', async () => {
    await quarantine();
    expect(terminal.out).toBe('nothing is in the quarantine\n');
    const id = await keep({ title: 'a' });
    terminal.out = '';
    await quarantine('--limit', '1');
    expect(terminal.out).toMatch(new RegExp(`Z  ${id}  warden  \\d+ bytes  whole  nobody knew how\\n$`));
    terminal.out = '';
    await quarantine('show', id);
    expect(terminal.out).toBe('{"title":"a"}');
    terminal.out = '';
    await quarantine('replay', id, '--dry-run', '-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject({ accepted: 1 });
    terminal.out = '';
    await quarantine('replay');
    expect(terminal.out).toBe('1 requests read: 1 accepted, 0 duplicates, 0 probes, 0 parts stay\n');
  });
});
