import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { FakeTerminal, run } from '../../test/support/cli.js';
import { replayCommand } from '../cli/replay.js';
import { mintId } from '../core/identity.js';

let admin: AdminApp;
let terminal: FakeTerminal;
let ids: readonly string[];

beforeEach(async () => {
  terminal = new FakeTerminal();
  admin = await startAdminApp();
  const reports = [
    { title: 'fire', sinks: ['archive'] },
    { title: 'flood', sinks: ['archive'], severity: 'low' } as const,
  ];
  const [receipt] = await admin.journal.append([acceptedRequest({ receivedAt: Date.now() - 86_400_000 }, ...reports)]);
  ids = receipt?.alerts.map(({ id }) => id) ?? [];
  for await (const batch of admin.journal.claim('archive', { count: 9 }, AbortSignal.timeout(5_000))) {
    await admin.journal.settle(
      batch.map(({ sink, lease, attempt }) => ({
        sink,
        lease,
        attempt: { attempt, at: Date.now(), durationMs: 1, outcome: 'rejected' as const },
        next: { kind: 'dead' as const, fault: 'theirs' as const, reason: 'HTTP 400' },
      })),
    );
    break;
  }
});
afterEach(() => admin.close());

const post = (body: object) => request(admin.url).post('/api/v1/replays').send(body);
const replay = (...args: string[]) => run(replayCommand(terminal), ...args, '--admin', admin.url);
const dead = async () => (await admin.journal.counts()).sinks.find(({ sink }) => sink === 'archive')?.dead;

async function finished(id: string): Promise<object> {
  for (;;) {
    const answer = await request(admin.url).get(`/api/v1/replays/${id}`).expect(200);
    const body = answer.body as object;
    if ('finishedAt' in body) return body;
  }
}

describe('POST /api/v1/replays', () => {
  it('in a dry run counts and shows, and changes nothing', async () => {
    const answer = await post({ mode: 'resend', select: {}, dryRun: true }).expect(200);
    expect(answer.body).toMatchObject({
      alerts: 2,
      deliveries: 2,
      sinks: [{ sink: 'archive', deliveries: 2, restamped: 2, outdated: 0 }],
      restamped: [{ alertId: ids[0] }, { alertId: ids[1] }],
      warnings: ['2 are older than archive takes: they get a later time there.'],
    });
    expect(await dead()).toBe(2);
  });

  it('starts a replay, whose progress can be asked for', async () => {
    const answer = await post({ mode: 'resend', select: { severity: 'low' }, rate: 1_000 }).expect(202);
    expect(answer.body).toMatchObject({
      mode: 'resend',
      select: { severity: 'low', state: 'dead' },
      plan: { deliveries: 1 },
    });
    const { id } = answer.body as { id: string };
    expect(await finished(id)).toMatchObject({ id, looked: 1, owed: 1, pending: 1 });
    expect(await dead()).toBe(1);
    const { body: list } = (await request(admin.url).get('/api/v1/replays').expect(200)) as { body: object };
    expect(list).toMatchObject({ items: [{ id }] });
    await request(admin.url).get(`/api/v1/replays/${mintId()}`).expect(404);
  });

  it('twice with one key is one replay', async () => {
    const body = { mode: 'resend', select: {}, key: 'ticket-17' };
    const first = (await post(body).expect(202)).body as { id: string };
    await finished(first.id);
    expect((await post(body).expect(202)).body).toMatchObject({ id: first.id });
  });

  it('says what of a request will not do, by its path', async () => {
    await post({ mode: 'resend' }).expect(400);
    await post({ mode: 'again', select: {} }).expect(400);
    await post({ mode: 'resend', select: { sink: 'nowhere' } }).expect(400);
    await post({ mode: 'resend', select: { ids: [] } }).expect(400);
    await post({ mode: 'resend', select: {}, rate: 0 }).expect(400);
    const answer = await post({ mode: 'resend', select: { severity: 'loud', from: 'yesterday' } }).expect(400);
    expect(answer.body).toMatchObject({
      errors: [
        { name: 'select.severity' },
        { name: 'select.from', detail: expect.stringContaining('2026-03-01T10:00') },
      ],
    });
    expect(await dead()).toBe(2);
  });

  it('is written to the audit log', async () => {
    await post({ mode: 'reroute', select: { unrouted: true } }).expect(202);
    expect((await admin.journal.auditLog({ limit: 1 })).items).toMatchObject([
      { action: 'POST /api/v1/replays', outcome: 'done', detail: expect.stringContaining('reroute') },
    ]);
  });
});

describe('signalbox replay', () => {
  it('says what it would do, does it, and says how far it is', async () => {
    await replay('--dry-run', '--state', 'dead');
    expect(terminal.out).toContain('would send 2, of 2 alerts\n  archive  2 to send  0 held back\n');
    expect(terminal.out).toContain('2 are older than archive takes');
    expect(terminal.out).toContain(`  ${ids[0] ?? ''}  archive: of 20`);
    terminal.out = '';
    await replay(ids[1] ?? '', '--rate', '1000', '-o', 'json');
    const { id } = JSON.parse(terminal.out) as { id: string };
    await finished(id);
    terminal.out = '';
    await replay('status', id);
    expect(terminal.out).toMatch(/^replay \S+: resend, asked for at \S+Z, looked at everything at \S+Z\n/);
    expect(terminal.out).toMatch(/sent or to be sent +1\n +under way +1\n/);
    terminal.out = '';
    await replay('--mode', 'reroute', '--severity', 'low', '--from', '2026-03-01', '--force');
    expect(terminal.out).toMatch(/^replay \S+: 0 to send, at most 50 a second\n/);
    terminal.out = '';
    await replay('status', id, '-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject({ id });
  });

  it('says what is wrong', async () => {
    await expect(replay('--from', 'yesterday')).rejects.toThrow(
      'answered 400: The request has values that will not do. from',
    );
    expect(await replay('--rate', '0.5')).toBeDefined();
    expect(await replay('--mode', 'again')).toBeDefined();
  });
});
