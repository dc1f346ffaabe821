import { afterEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { Secret } from '../core/secret.js';

let admin: AdminApp;
afterEach(() => admin.close());

const get = (path: string) => request(admin.url).get(path);

describe('an admin side with tokens', () => {
  const start = async () => {
    admin = await startAdminApp({ tokens: [new Secret('SEKRET-one'), new Secret('SEKRET-two')] });
  };

  it.each(['SEKRET-one', 'SEKRET-two'])('opens to the bearer of any one of them', async (token) => {
    await start();
    await get('/api/v1/routes').set('authorization', `Bearer ${token}`).expect(200);
    await get('/metrics').set('authorization', `bearer ${token}`).expect(200);
  });

  it.each(['', 'Bearer', 'Bearer ', 'Bearer SEKRET-three', 'Bearer SEKRET-one, Bearer x', 'Basic SEKRET-one'])(
    'does not open to %j',
    async (authorization) => {
      await start();
      const answer = await get('/api/v1/routes').set('authorization', authorization).expect(401);
      expect(answer.headers).toMatchObject({
        'content-type': 'application/problem+json',
        'www-authenticate': 'Bearer',
        'cache-control': 'no-store',
      });
      expect(answer.body).toMatchObject({ status: 401, title: 'Unauthorized' });
    },
  );

  it.each([
    '/metrics',
    '/version',
    '/openapi.json',
    '/docs',
    '/docs/swagger-ui.css',
    '/api/v1/alerts',
    '/api/v1/tail',
    '/no/such/page',
    '/healthz/',
    '//healthz',
    '/api/v1/alerts?x=/healthz',
  ])('shows nothing of %s to strangers', async (path) => {
    await start();
    await get(path).expect(401);
  });

  it('knows a token by the bytes that were sent, whatever they spell', async () => {
    admin = await startAdminApp({ tokens: [new Secret('SEKRÈT-ünï')] });
    const sent = Buffer.from('Bearer SEKRÈT-ünï').toString('latin1');
    await get('/api/v1/routes').set('authorization', sent).expect(200);
  });

  it('writes down who knocks, not what with', async () => {
    await start();
    for (let count = 0; count < 15; count++) await get('/metrics').set('authorization', 'Bearer SEKRET-x').expect(401);
    const refused = admin.lines.filter((line) => line.includes('an admin request was refused'));
    expect(refused.length).toBeGreaterThanOrEqual(10);
    expect(JSON.parse(refused[0] ?? '')).toMatchObject({ level: 'warn', status: 401, remoteAddress: '127.0.0.1' });
    expect(admin.lines.join()).not.toContain('SEKRET');
  });

  it('tells strangers only how it is', async () => {
    await start();
    await get('/healthz').expect(200);
    await get('/readyz?verbose').expect(200);
  });

  it('refuses before it reads what is sent', async () => {
    await start();
    await request(admin.url).post('/api/v1/routes/test?source=warden').send('x'.repeat(100_000)).expect(401);
  });

  it('never shows a token', async () => {
    await start();
    const token = 'Bearer SEKRET-one';
    const seen: string[] = [];
    for (const path of [
      '/api/v1/routes',
      '/api/v1/sources',
      '/api/v1/sinks',
      '/metrics',
      '/openapi.json',
      '/nowhere',
    ]) {
      const answer = await get(path).set('authorization', token);
      seen.push(answer.text, JSON.stringify(answer.headers));
    }
    expect(seen.concat(admin.lines).join()).not.toContain('SEKRET');
  });
});

describe('an admin side without tokens, on loopback', () => {
  it.each(['127.0.0.1:9090', 'localhost:9090', 'LOCALHOST', '[::1]:9090', '127.8.9.10'])(
    'is open under the name %s',
    async (host) => {
      admin = await startAdminApp();
      await get('/api/v1/routes').set('host', host).expect(200);
    },
  );

  it.each(['rebound.example:9090', 'localhost.example', '192.0.2.1', '127.0.0.1.example', '[::1'])(
    'is closed to a page whose name %s was made to resolve to it',
    async (host) => {
      admin = await startAdminApp();
      await get('/api/v1/routes').set('host', host).expect(403);
      await get('/healthz').set('host', host).expect(200);
    },
  );

  it.each(['https://evil.example', 'http://localhost:3000', 'null'])('is closed to pages of %s', async (origin) => {
    admin = await startAdminApp();
    const park = () => request(admin.url).post('/api/v1/sinks/pager/park');
    const answer = await park().set('origin', origin).expect(403);
    expect(answer.type).toBe('application/problem+json');
    await get('/api/v1/tail').set('origin', origin).expect(403);
    await park().set('sec-fetch-site', 'cross-site').expect(403);
    expect(await admin.journal.counts()).toMatchObject({ sinks: [] });
  });

  it('is open to its own pages and to programs', async () => {
    admin = await startAdminApp();
    const park = () => request(admin.url).post('/api/v1/sinks/pager/park');
    await park().set('origin', admin.url).set('sec-fetch-site', 'same-origin').expect(204);
    await park().expect(204);
  });
});
