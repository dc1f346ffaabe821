import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import { acceptedRequest } from '../../test/support/accepted-request.js';
import { receivedActivity } from '../../test/support/activities.js';
import { startAdminApp, type AdminApp } from '../../test/support/admin-app.js';
import { ActivityStream, type Activity } from '../core/activity.js';
import { streamTail } from './tail.js';

describe('the tail', () => {
  let admin: AdminApp;
  const open: IncomingMessage[] = [];
  beforeEach(async () => {
    admin = await startAdminApp();
  });
  afterEach(async () => {
    for (const response of open.splice(0)) response.destroy();
    await admin.close();
  });

  async function tail(query = ''): Promise<IncomingMessage> {
    const [response] = (await once(get(`${admin.url}/api/v1/tail${query}`), 'response')) as [IncomingMessage];
    open.push(response);
    return response;
  }

  it('is a stream of server-sent events that begins at once', async () => {
    const response = await tail();
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  });

  it('tells what happens, an alert by what names it', async () => {
    const events = eventsOf(await tail());
    admin.activity.next(received('warden', 'Line one\nevent: forged', ['pager']));
    admin.activity.next(parked('pager'));
    expect(await take(events, 2)).toMatchObject([
      {
        kind: 'received',
        source: 'warden',
        alerts: [
          {
            status: 'accepted',
            severity: 'high',
            title: 'Line one\nevent: forged',
            routes: ['everything'],
            sinks: ['pager'],
          },
        ],
      },
      { kind: 'parked', sink: 'pager', reason: 'the key was revoked' },
    ]);
  });

  it('tells a reader only what the reader asked for', async () => {
    const ofSource = eventsOf(await tail('?source=warden'));
    const ofSink = eventsOf(await tail('?sink=pager'));
    const ofBoth = eventsOf(await tail('?source=warden&sink=pager'));
    for (const [source, sink] of [
      ['other', 'archive'],
      ['other', 'pager'],
      ['warden', 'archive'],
      ['warden', 'pager'],
    ] as const) {
      admin.activity.next(received(source, `${source} to ${sink}`, [sink]));
    }
    admin.activity.next(parked('archive'));
    admin.activity.next(parked('pager'));
    const titles = async (events: AsyncIterator<Told>, count: number) =>
      (await take(events, count)).map((event) => event.alerts?.[0]?.title ?? event.kind);
    expect(await titles(ofSource, 2)).toEqual(['warden to archive', 'warden to pager']);
    expect(await titles(ofSink, 3)).toEqual(['other to pager', 'warden to pager', 'parked']);
    expect(await titles(ofBoth, 1)).toEqual(['warden to pager']);
  });

  it('refuses a filter it does not know', async () => {
    await request(admin.url).get('/api/v1/tail?severity=high').expect(400);
  });

  it('has room for so many readers, and again when one has gone', async () => {
    for (let count = 0; count < 32; count++) await tail();
    await request(admin.url).get('/api/v1/tail').expect(503);
    open[0]?.destroy();
    let status = 503;
    while (status === 503) {
      const response = await tail();
      status = response.statusCode ?? 0;
    }
    expect(status).toBe(200);
  });

  it('ends when the router does', async () => {
    const response = await tail();
    response.resume();
    const ended = once(response, 'end');
    await admin.app.close();
    await ended;
  });
});

describe('a tail whose reader is slow', () => {
  let server: Server;
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('holds little for it, and says how much it missed', async () => {
    const activity = new ActivityStream();
    let buffered = 0;
    server = createServer((_request, response) => {
      streamTail(activity, response, {}, { heartbeatMs: 20, maxBufferedBytes: 50_000 });
      activity.subscribe(() => (buffered = Math.max(buffered, response.writableLength)));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [response] = (await once(get({ port, host: '127.0.0.1' }), 'response')) as [IncomingMessage];
    response.pause();

    const sent = 5_000;
    for (let count = 0; count < sent; count++) {
      activity.next(received('warden', 'x'.repeat(2_000), ['pager']));
      if (count % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(buffered).toBeLessThan(60_000);

    let told = 0;
    let missed = 0;
    for await (const event of eventsOf(response)) {
      if (event.kind === 'missed') missed += event.count ?? 0;
      else told += 1;
      if (told + missed === sent) break;
    }
    expect(missed).toBeGreaterThan(0);
    expect(activity.observed).toBe(true);
  });

  it('is a comment now and then while nothing happens, and stops with the reader', async () => {
    const activity = new ActivityStream();
    server = createServer((_request, response) => {
      streamTail(activity, response, {}, { heartbeatMs: 5, maxBufferedBytes: 1_000 });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [response] = (await once(get({ port, host: '127.0.0.1' }), 'response')) as [IncomingMessage];
    const [chunk] = (await once(response, 'data')) as [Buffer];
    expect(chunk.toString()).toBe(': alive\n\n');
    expect(activity.observed).toBe(true);
    response.destroy();
    while (activity.observed) await new Promise((resolve) => setImmediate(resolve));
  });
});

type Told = {
  readonly kind: string;
  readonly count?: number;
  readonly alerts?: readonly { readonly title: string }[];
};

async function* eventsOf(response: IncomingMessage): AsyncGenerator<Told> {
  let text = '';
  for await (const chunk of response) {
    text += String(chunk);
    const frames = text.split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
      if (data === undefined) continue;
      const told = JSON.parse(data) as Told;
      expect(told.kind).toBe(name);
      yield told;
    }
  }
}

async function take(events: AsyncIterator<Told>, count: number): Promise<readonly Told[]> {
  const taken: Told[] = [];
  while (taken.length < count) {
    const { done, value } = (await events.next()) as IteratorResult<Told, undefined>;
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}

const at = Date.parse('2026-03-01T12:00:00Z');

function received(source: string, title: string, sinks: readonly string[]): Activity {
  return receivedActivity(acceptedRequest({ receivedAt: at, source }, { title, sinks }));
}

function parked(sink: string): Activity {
  return { kind: 'parked', at, sink, reason: 'the key was revoked', since: at, by: 'router' };
}
