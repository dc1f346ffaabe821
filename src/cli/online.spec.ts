import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { receivedActivity } from '../../test/support/activities.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { FakeTerminal, run } from '../../test/support/cli.js';
import { freePort } from '../../test/support/free-port.js';
import { mintId } from '../core/identity.js';
import { Secret } from '../core/secret.js';
import { auditCommand } from './audit.js';
import { explainCommand } from './explain.js';
import { tailCommand } from './tail.js';

const receivedAt = Date.parse('2026-03-01T12:00:00Z');
const token = 'SEKRET-token';

let admin: AdminApp;
let terminal: FakeTerminal;
beforeEach(async () => {
  terminal = new FakeTerminal();
  admin = await startAdminApp({ tokens: [new Secret(token)] });
});
afterEach(() => admin.close());

describe('signalbox explain', () => {
  async function keep(): Promise<string> {
    const report = { title: 'disk is\u001b[2J full', severity: 'low', routes: ['urgent'], sinks: ['pager'] } as const;
    const [receipt] = await admin.journal.append([acceptedRequest({ receivedAt }, report)]);
    for await (const [delivery] of admin.journal.claim('pager', { count: 1 }, AbortSignal.timeout(5_000))) {
      if (!delivery) continue;
      const answer = { status: 202 };
      const attempt = { attempt: 1, at: receivedAt, durationMs: 12.4, outcome: 'delivered', answer } as const;
      const next = { kind: 'delivered', remoteId: 'evt-1' } as const;
      await admin.journal.settle([{ sink: 'pager', lease: delivery.lease, attempt, next }]);
      break;
    }
    return receipt?.alerts[0]?.id ?? '';
  }

  const explain = (...args: string[]) => run(explainCommand(terminal), '--admin', admin.url, ...args);

  it('says where an alert went, and why', async () => {
    const id = await keep();
    await explain('--token', token, id);
    expect(terminal.out).toContain('disk is\\u001b[2J full\n');
    expect(terminal.out).toContain('2026-03-01T12:00:00.000Z from 192.0.2.7, by bearer\n');
    expect(terminal.out).toMatch(/routed +urgent\n/);
    expect(terminal.out).toMatch(/no +urgent +severity is low, wanted >=high \(it took it then\)\n/);
    expect(terminal.out).toMatch(/takes it +rest +title is \*disk\* \(it did not take it then\)\n/);
    expect(terminal.out).toMatch(
      /pager: delivered as evt-1, for urgent\n {4}#1 +2026-03-01T12:00:00.000Z +12 ms +delivered +HTTP 202\n/,
    );
  });

  it('says plainly that the reasons are those of now, and what was decided otherwise then', async () => {
    const explainNew = async (routesSince: number, ...routes: readonly string[]): Promise<string> => {
      await admin.close();
      admin = await startAdminApp({ tokens: [new Secret(token)], routesSince });
      const report = { title: 'disk is full', severity: 'high', routes, sinks: ['pager'] } as const;
      const [receipt] = await admin.journal.append([acceptedRequest({ receivedAt }, report)]);
      terminal.out = '';
      await explain('--token', token, receipt?.alerts[0]?.id ?? '');
      return terminal.out;
    };
    const since = 'by the routes of now, in force since 2026-03-01T1';
    expect(await explainNew(receivedAt - 3_600_000, 'urgent', 'rest')).toContain(`\n${since}1:00:00.000Z\n`);
    const later = receivedAt + 3_600_000;
    expect(await explainNew(later, 'urgent', 'rest')).toContain(
      `\n${since}3:00:00.000Z: it came before that, and was decided as they would, by urgent, rest\n`,
    );
    const otherwise = await explainNew(later, 'urgent', 'former');
    expect(otherwise).toContain(`\n${since}3:00:00.000Z: it was decided otherwise, by urgent, former\n`);
    expect(otherwise).toMatch(/gone +former +it took it then, and is not in the config any more\n/);
    expect(otherwise).toMatch(/takes it +rest +title is \*disk\* \(it did not take it then\)\n/);
    expect(otherwise).toMatch(/takes it +urgent +severity is >=high\n/);
    expect(await explainNew(later)).toContain('it was decided otherwise, by no route\n');
  });

  it('tells by the id of the vendor what it was answered, what comes next, and what else has that name', async () => {
    const reports = ['1', '2'].map((version) => ({ finding: 'INC 7/b', version, title: `report ${version}` }));
    await admin.journal.append([acceptedRequest({ receivedAt }, ...reports)]);
    for await (const [delivery] of admin.journal.claim('pager', { count: 1 }, AbortSignal.timeout(5_000))) {
      if (!delivery) continue;
      const answer = { status: 503, excerpt: 'try\u0007 later' };
      const attempt = { attempt: 1, at: receivedAt, durationMs: 12, outcome: 'retry', answer } as const;
      const next = { kind: 'pending', dueAt: Date.parse('2100-01-01T00:00:00Z') } as const;
      await admin.journal.settle([{ sink: 'pager', lease: delivery.lease, attempt, next }]);
      const { id } = delivery.alert;
      await explain('--token', token, 'INC 7/b');
      expect(terminal.out).toMatch(/^report 2\n/);
      expect(terminal.out).toContain(`    next: it waits for alert ${id} of the same finding, which goes first\n`);
      expect(terminal.out).toMatch(
        new RegExp(`1 more of this name, older\\n {2}\\S+ {2}${id} {2}open {2}report 1\\n$`),
      );
      terminal.out = '';
      await explain('--token', token, id);
      expect(terminal.out).toMatch(/#1 .* HTTP 503 +then a wait of \d+ s\n {4}#1 was answered: try\\u0007 later\n/);
      expect(terminal.out).toContain('    next: attempt 2 at 2100-01-01T00:00:00.000Z\n');
      break;
    }
  });

  it('says by which ways an alert came, and what the second one knew', async () => {
    await admin.journal.append([acceptedRequest({ receivedAt }, { finding: 'both', description: 'what it is' })]);
    const pull = { cursor: 'c', isLast: true };
    await admin.journal.append([acceptedRequest({ receivedAt, pull }, { finding: 'both' }, { finding: 'pulled' })]);
    await explain('--token', token, 'both');
    expect(terminal.out).toMatch(/also +by pull, first at 2026-03-01T12:00:00.000Z\n/);
    terminal.out = '';
    await explain('--token', token, 'pulled');
    expect(terminal.out).toMatch(/received +2026-03-01T12:00:00.000Z, by pull\n/);
    const description = 'what it is';
    await admin.journal.append([acceptedRequest({ receivedAt }, { finding: 'pulled', description })]);
    terminal.out = '';
    await explain('--token', token, 'pulled');
    expect(terminal.out).toMatch(/also +by webhook, first at 2026-03-01T12:00:00.000Z, which knew more: description\n/);
  });

  it('answers in JSON what the router answers', async () => {
    const id = await keep();
    await explain('--token', token, '-o', 'json', id);
    expect(JSON.parse(terminal.out)).toMatchObject({ alert: { id }, reasons: [{}, {}], deliveries: [{}] });
  });

  it('says why it has no answer', async () => {
    const id = mintId();
    await expect(explain('--token', token, id)).rejects.toThrow('answered 404: There is no alert of this id');
    await expect(explain('--token', 'wrong', id)).rejects.toThrow('Set SIGNALBOX_ADMIN_TOKEN.');
    await expect(explain(id)).rejects.toThrow('answered 401');
    await expect(explain('--token', `${token}\n`, id)).rejects.toThrow('404');
    await expect(explain('--token', `${token}\u0000`, id)).rejects.not.toThrow(token);
    const nowhere = `http://127.0.0.1:${await freePort()}`;
    await expect(explain('--admin', nowhere, id)).rejects.toThrow('ECONNREFUSED');
    await expect(explain('--admin', 'nonsense', id)).rejects.toThrow('nonsense cannot be asked');
  });
});

describe('signalbox audit', () => {
  const entry = {
    who: 'alice',
    role: 'operator',
    remoteAddress: '192.0.2.9',
    action: 'POST /api/v1/sinks/pager/park',
    outcome: 'done',
    status: 204,
  } as const;
  const audit = (...args: string[]) => run(auditCommand(terminal), '--admin', admin.url, '--token', token, ...args);

  it('shows a line for each change, newest first, as many as asked for', async () => {
    await admin.journal.audit({ ...entry, at: receivedAt, detail: '{"reason":"\u001b[2J"}' });
    const { role: _role, ...unknown } = entry;
    await admin.journal.audit({ ...unknown, at: receivedAt + 1, who: 'unknown', outcome: 'refused', status: 403 });
    await audit();
    const [refused, parked] = terminal.out.split('\n');
    expect(refused).toMatch(/^2026-03-01T12:00:00.001Z +refused +403 +unknown +192.0.2.9 +POST /);
    expect(parked).toMatch(/^2026-03-01T12:00:00.000Z +done +204 +alice \(operator\) +192.0.2.9 +POST .*park +\{/);
    expect(parked).toContain('\\u001b[2J');
    terminal.out = '';
    await audit('-n', '1', '-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject({ items: [{ who: 'unknown' }], next: expect.any(String) });
  });

  it('says what it cannot show', async () => {
    await expect(audit('-n', '100000')).rejects.toThrow('answered 400');
  });
});

describe('signalbox tail', () => {
  const abort = new AbortController();

  it('shows what happens until it is told to stop', async () => {
    const running = run(tailCommand(terminal, abort.signal), '--admin', admin.url, '--token', token, '--sink', 'pager');
    while (!admin.activity.observed || terminal.out === '') {
      admin.activity.next({ kind: 'parked', at: receivedAt, sink: 'pager', reason: 'no\nkey', since: 0, by: 'router' });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const fire = receivedActivity(acceptedRequest({ receivedAt }, { title: 'fire' }));
    admin.activity.next(fire);
    while (!terminal.out.includes('fire')) await new Promise((resolve) => setTimeout(resolve, 10));
    abort.abort();
    await running;
    const lines = terminal.out.split('\n');
    expect(lines[0]).toBe('2026-03-01T12:00:00.000Z  parked     pager: no\\u000akey');
    expect(lines.at(-2)).toBe(
      `2026-03-01T12:00:00.000Z  accepted   ${fire.alerts[0]?.id ?? ''}  warden: high fire -> pager`,
    );
  });

  it('shows a line of JSON each, and says when the router ended it', async () => {
    const running = run(tailCommand(terminal), '--admin', admin.url, '--token', token, '-o', 'json');
    const ended = expect(running).rejects.toThrow('ended the stream');
    while (terminal.out === '') {
      admin.activity.next({ kind: 'resumed', at: receivedAt, sink: 'pager', since: 0, by: 'router' });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await admin.app.close();
    await ended;
    const [line = ''] = terminal.out.split('\n');
    expect(JSON.parse(line)).toEqual({ kind: 'resumed', at: receivedAt, sink: 'pager', since: 0, by: 'router' });
  });
});
