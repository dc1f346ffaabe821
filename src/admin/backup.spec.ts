import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import request from 'supertest';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { JournalUnavailableError } from '../core/errors.js';
import type { BackupCopy } from '../core/journal.js';
import { Secret } from '../core/secret.js';

let admin: AdminApp;
beforeEach(async () => {
  admin = await startAdminApp({
    tokens: [
      { name: 'olga', role: 'operator', token: new Secret('SEKRET-o') },
      { name: 'ann', role: 'admin', token: new Secret('SEKRET-a') },
    ],
  });
});
afterEach(() => admin.close());

const backup = (token = 'SEKRET-a') =>
  request(admin.url).post('/api/v1/backup').set('authorization', `Bearer ${token}`);
/** A journal whose copy is made of these chunks; `between` them something happens. */
const journalOf = (chunks: readonly Buffer[], between: () => Promise<void> = () => Promise.resolve()) => {
  admin.journal.backup = async (copy: BackupCopy) => {
    copy.begin(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    for (const chunk of chunks) {
      await copy.take(chunk);
      await between();
    }
    return true;
  };
};
const rows = async () => (await admin.journal.auditLog({ limit: 10 })).items;
const until = async (holds: () => Promise<boolean> | boolean) => {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
};

/** Asks, and takes nothing of the answer's body yet. */
async function begin(): Promise<IncomingMessage> {
  const asked = httpRequest(`${admin.url}/api/v1/backup`, {
    method: 'POST',
    headers: { authorization: 'Bearer SEKRET-a' },
  });
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

describe('a backup by the admin side', () => {
  it('is what the journal gives, and a row of the audit log', async () => {
    const chunks = [Buffer.alloc(700_000, 1), Buffer.alloc(300_000, 2)];
    journalOf(chunks);
    const answer = await backup().responseType('blob').expect(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/vnd.sqlite3',
      'content-length': '1000000',
      'cache-control': 'no-store',
    });
    expect(Buffer.concat(chunks).equals(answer.body as Buffer)).toBe(true);
    await until(async () => (await rows()).length > 0);
    expect(await rows()).toMatchObject([{ who: 'ann', action: 'POST /api/v1/backup', outcome: 'done', status: 200 }]);
  });

  it('is for admins', async () => {
    journalOf([Buffer.from('x')]);
    const refused = await backup('SEKRET-o').expect(403);
    expect(refused.body).toMatchObject({ detail: 'This needs the role admin; the token olga has the role operator.' });
    await request(admin.url).get('/api/v1/backup').set('authorization', 'Bearer SEKRET-a').expect(404);
    expect(await rows()).toMatchObject([{ who: 'olga', outcome: 'refused' }]);
  });

  it('is none where the journal keeps nothing on a disk', async () => {
    await backup().expect(501);
    expect(await rows()).toMatchObject([{ outcome: 'failed', status: 501 }]);
  });

  it('says why there is none', async () => {
    admin.journal.backup = () => Promise.reject(new JournalUnavailableError('The disk is full.', false));
    expect((await backup().expect(503)).body).toMatchObject({ detail: 'The disk is full.' });
  });

  it('is cut off where it is not whole, and not taken for one', async () => {
    admin.journal.backup = async (copy: BackupCopy) => {
      copy.begin(1_000_000);
      await copy.take(Buffer.alloc(500_000));
      throw new JournalUnavailableError('It took too long.', false);
    };
    const response = await begin();
    response.resume();
    await expect(once(response, 'end')).rejects.toThrow('aborted');
    await until(async () => (await rows()).length > 0);
    expect(await rows()).toMatchObject([{ outcome: 'failed', status: 503 }]);
  });

  it('is one at a time, and over when whoever took it has gone', async () => {
    journalOf(
      Array.from({ length: 1_000 }, () => Buffer.alloc(262_144)),
      () => new Promise((resolve) => setImmediate(resolve)),
    );
    const response = await begin();
    await backup().expect(409);
    response.destroy();
    await until(async () => (await rows()).length > 1);
    expect(await rows()).toMatchObject([
      { outcome: 'failed', status: 503 },
      { outcome: 'failed', status: 409 },
    ]);
    journalOf([Buffer.from('x')]);
    await backup().expect(200);
  });

  it('does not keep the router from ending', async () => {
    journalOf(Array.from({ length: 1_000 }, () => Buffer.alloc(262_144)));
    const response = await begin();
    response.on('error', () => undefined);
    await admin.app.close();
    response.destroy();
  });
});
