import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, ModulesContainer } from '@nestjs/core';
import request from 'supertest';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import type { AuditEntry } from '../core/journal.js';
import { roles, type Role } from '../core/role.js';
import { Secret } from '../core/secret.js';
import { neededRole } from './needs.js';

const tokens = roles.map((role) => ({ name: `${role}-of-ours`, role, token: new Secret(`SEKRET-${role}`) }));

let admin: AdminApp;
beforeEach(async () => {
  admin = await startAdminApp({ tokens });
});
afterEach(() => admin.close());

const as = (role: Role, method: 'get' | 'post', path: string) =>
  request(admin.url)[method](path).set('authorization', `Bearer SEKRET-${role}`);
const log = async (): Promise<readonly AuditEntry[]> => (await admin.journal.auditLog({ limit: 100 })).items;

describe('a viewer', () => {
  it.each(['/metrics', '/version', '/openapi.json', '/docs', '/api/v1/sinks', '/api/v1/audit'])(
    'sees %s',
    async (path) => {
      await as('viewer', 'get', path).expect(200);
    },
  );

  it('may try a body, which changes nothing', async () => {
    await as('viewer', 'post', '/api/v1/routes/test?source=warden').send('{"title":"disk"}').expect(200);
    expect(await log()).toEqual([]);
  });

  it.each(['park', 'resume'])('may not %s a sink, and is told which role it takes', async (verb) => {
    const answer = await as('viewer', 'post', `/api/v1/sinks/pager/${verb}`).expect(403);
    expect(answer.body).toMatchObject({
      status: 403,
      detail: 'This needs the role operator; the token viewer-of-ours has the role viewer.',
    });
    expect(await admin.journal.counts()).toMatchObject({ sinks: [] });
  });
});

describe.each(['operator', 'admin'] as const)('an %s', (role) => {
  it('parks and resumes', async () => {
    await as(role, 'post', '/api/v1/sinks/pager/park').expect(204);
    await as(role, 'post', '/api/v1/sinks/pager/resume').expect(204);
  });
});

describe('every operation', () => {
  it('that is no plain question says which role it needs, and so is written down', () => {
    const { controllers, handlersOf } = discover(admin);
    const operations = controllers.flatMap(handlersOf);
    expect(operations.length).toBeGreaterThan(10);
    expect(operations.filter(({ method, needs }) => method !== RequestMethod.GET && needs === undefined)).toEqual([]);
  });
});

describe('the audit log', () => {
  it('has who did what, with what, when and from where', async () => {
    const before = Date.now();
    await as('operator', 'post', '/api/v1/sinks/pager/park').send({ reason: 'key rotation' }).expect(204);
    await as('admin', 'post', '/api/v1/sinks/pager/resume').expect(204);
    const [resumed, parked] = await log();
    expect(parked).toEqual({
      at: expect.any(Number),
      who: 'operator-of-ours',
      role: 'operator',
      remoteAddress: '127.0.0.1',
      action: 'POST /api/v1/sinks/pager/park',
      outcome: 'done',
      status: 204,
      detail: '{"reason":"key rotation"}',
    });
    expect(parked?.at).toBeGreaterThanOrEqual(before);
    expect(resumed).toMatchObject({ who: 'admin-of-ours', action: 'POST /api/v1/sinks/pager/resume', outcome: 'done' });
    expect(resumed).not.toHaveProperty('detail');
  });

  it('has what was refused and what failed', async () => {
    await as('viewer', 'post', '/api/v1/sinks/pager/park').expect(403);
    await as('operator', 'post', '/api/v1/sinks/nowhere/park').expect(404);
    await as('operator', 'post', '/api/v1/sinks/pager/park').send({ because: 'x' }).expect(400);
    expect(await log()).toMatchObject([
      { who: 'operator-of-ours', outcome: 'failed', status: 400 },
      { who: 'operator-of-ours', outcome: 'failed', status: 404, action: 'POST /api/v1/sinks/nowhere/park' },
      { who: 'viewer-of-ours', role: 'viewer', outcome: 'refused', status: 403 },
    ]);
  });

  it('has no row of questions, and none of strangers', async () => {
    await as('viewer', 'get', '/api/v1/alerts').expect(200);
    await as('viewer', 'get', '/api/v1/alerts/nonsense').expect(404);
    await request(admin.url).post('/api/v1/sinks/pager/park').expect(401);
    await as('admin', 'post', '/no/such/page').expect(404);
    expect(await log()).toEqual([]);
  });

  it('cannot be filled by whoever is refused', async () => {
    for (let count = 0; count < 40; count++) await as('viewer', 'post', '/api/v1/sinks/pager/park').expect(403);
    expect((await log()).length).toBeLessThan(40);
    expect((await log()).length).toBeGreaterThanOrEqual(10);
  });

  it('cuts what is long', async () => {
    const reason = 'x'.repeat(5_000);
    await as('operator', 'post', `/api/v1/sinks/${'y'.repeat(2_000)}/park`).send({ reason });
    const [row] = await log();
    expect(row?.action).toHaveLength(500);
    expect(row?.detail).toHaveLength(1_000);
  });

  it('is answered in pages, newest first', async () => {
    await as('operator', 'post', '/api/v1/sinks/pager/park').expect(204);
    await as('operator', 'post', '/api/v1/sinks/pager/resume').expect(204);
    const first = await as('viewer', 'get', '/api/v1/audit?limit=1').expect(200);
    expect(first.body).toMatchObject({ items: [{ action: 'POST /api/v1/sinks/pager/resume' }] });
    const { next } = first.body as { next: string };
    const second = await as('viewer', 'get', `/api/v1/audit?limit=1&cursor=${next}`).expect(200);
    expect(second.body).toMatchObject({ items: [{ action: 'POST /api/v1/sinks/pager/park' }] });
    await as('viewer', 'get', '/api/v1/audit?limit=100000').expect(400);
  });
});

describe('without tokens', () => {
  beforeEach(async () => {
    await admin.close();
    admin = await startAdminApp();
  });

  it('whoever is local is an admin, and is written down as that', async () => {
    await request(admin.url).post('/api/v1/sinks/pager/park').expect(204);
    expect(await log()).toMatchObject([{ who: 'local', role: 'admin', outcome: 'done' }]);
  });

  it('a page of another origin is refused, and written down', async () => {
    const origin = 'https://evil.example';
    await request(admin.url).post('/api/v1/sinks/pager/park').set('origin', origin).expect(403);
    await request(admin.url).get('/api/v1/alerts').set('origin', origin).expect(403);
    const [row, ...others] = await log();
    expect(row).toMatchObject({ who: 'unknown', action: 'POST /api/v1/sinks/pager/park', outcome: 'refused' });
    expect(row).not.toHaveProperty('role');
    expect(others).toEqual([]);
  });
});

type Operation = { readonly name: string; readonly method: RequestMethod; readonly needs: Role | undefined };

/** The handlers of every controller that is there, with what their decorators say. */
function discover({ app }: AdminApp) {
  const controllers = new DiscoveryService(app.get(ModulesContainer)).getControllers();
  const scanner = new MetadataScanner();
  const handlersOf = ({ instance }: { readonly instance: object }): Operation[] => {
    const prototype = Object.getPrototypeOf(instance) as Record<string, object>;
    return scanner.getAllMethodNames(prototype).flatMap((name) => {
      const handler = prototype[name] ?? {};
      const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
      const needs = Reflect.getMetadata(neededRole, handler) as Role | undefined;
      return method === undefined ? [] : [{ name, method, needs }];
    });
  };
  return { controllers, handlersOf };
}
