import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { FakeTerminal, run } from '../../test/support/cli.js';
import { instancesCommand } from './instances.js';

const minuteMs = 60_000;

let admin: AdminApp;
let terminal: FakeTerminal;
beforeEach(async () => {
  terminal = new FakeTerminal();
  admin = await startAdminApp();
  const now = Date.now();
  const router = (name: string, seenMinutesAgo: number, claims = 0) => ({
    name,
    version: '1.2.3',
    startedAt: now - 100 * minuteMs,
    seenAt: now - seenMinutesAgo * minuteMs,
    claims,
  });
  admin.journal.instances = () =>
    Promise.resolve([
      { ...router('a:8080', 0, 7), isSelf: true },
      { ...router('b:8080', 0.9) },
      { ...router('c:8080', 2), endedAt: now - 2 * minuteMs },
      { ...router('d:8080', 3, 1) },
    ]);
});
afterEach(() => admin.close());

describe('signalbox instances', () => {
  it('lists the routers: which runs, which ended, which was not heard of, and what each has out', async () => {
    await run(instancesCommand(terminal), '--admin', admin.url);
    const lines = terminal.out.trimEnd().split('\n');
    const time = '[\\d-]+T[\\d:.]+Z';
    expect(lines).toEqual([
      expect.stringMatching(/^instance +state +version +started +last seen +claims$/),
      expect.stringMatching(new RegExp(`^a:8080 +running, asked +1.2.3 +${time} +${time} +7$`)),
      expect.stringMatching(/^b:8080 +running +1.2.3 .* 0$/),
      expect.stringMatching(/^c:8080 +ended +1.2.3 .* 0$/),
      expect.stringMatching(/^d:8080 +silent +1.2.3 .* 1$/),
    ]);
  });

  it('says it as JSON, too', async () => {
    await run(instancesCommand(terminal), '--admin', admin.url, '-o', 'json');
    const { items } = JSON.parse(terminal.out) as { items: readonly object[] };
    expect(items[0]).toMatchObject({ name: 'a:8080', state: 'running', self: true, claims: 7 });
    expect(items[3]).toMatchObject({ name: 'd:8080', state: 'silent', self: false });
  });
});
