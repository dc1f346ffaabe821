import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { startDatadog, type Datadog } from './datadog.js';

describe('the stand-in Datadog', () => {
  let datadog: Datadog;
  beforeAll(async () => {
    datadog = await startDatadog({ apiKey: 'right', applicationKey: 'app' });
  });
  beforeEach(() => {
    datadog.clear();
  });
  afterAll(() => datadog.close());

  const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(datadog.url + path, {
      method: 'POST',
      headers: { 'dd-api-key': 'right', ...headers },
      body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
    });

  it('takes an event and answers with an id that JSON numbers cannot hold', async () => {
    const response = await post('/api/v1/events', { title: 'a', text: 'b', tags: ['x:y'] });
    const { event } = (await response.json()) as { event: { id: number; id_str: string } };
    expect(response.status).toBe(202);
    expect(String(event.id)).not.toBe(event.id_str);
    expect(datadog.events).toEqual([{ title: 'a', text: 'b', tags: ['x:y'] }]);
  });

  it('refuses an event of more than 18 hours ago, in plain text', async () => {
    const date = Math.floor(Date.now() / 1_000) - 18 * 3_600 - 5;
    const response = await post('/api/v1/events', { title: 'a', text: 'b', date_happened: date });
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(await response.text()).toBe('{"errors":["Event too far in the past"]}');
    expect(datadog.events).toHaveLength(0);
  });

  it('refuses a key that is wrong, missing, or revoked', async () => {
    expect((await post('/api/v1/events', {}, { 'dd-api-key': 'wrong' })).status).toBe(403);
    const bare = await fetch(`${datadog.url}/api/v1/validate`);
    expect([bare.status, await bare.json()]).toEqual([403, { errors: ['API key required'] }]);

    datadog.acceptKey('new');
    const revoked = await fetch(`${datadog.url}/api/v1/validate`, { headers: { 'dd-api-key': 'right' } });
    expect(revoked.status).toBe(403);
    datadog.acceptKey('right');
    const restored = await fetch(`${datadog.url}/api/v1/validate`, { headers: { 'dd-api-key': 'right' } });
    expect(await restored.json()).toEqual({ valid: true });
  });

  it('takes events v2 of the category alert only', async () => {
    const attributes = { title: 'a', category: 'alert', attributes: { status: 'error' } };
    const headers = { 'dd-application-key': 'app' };
    const taken = await post('/api/v2/events', { data: { type: 'event', attributes } }, headers);
    expect(taken.status).toBe(202);
    expect(await taken.json()).toMatchObject({
      data: { attributes: { attributes: { evt: { uid: expect.any(String) } } } },
    });
    const other = { ...attributes, category: 'lunch' };
    const refused = await post('/api/v2/events', { data: { type: 'event', attributes: other } }, headers);
    expect(refused.status).toBe(400);
    expect((await post('/api/v2/events', { data: { type: 'event', attributes } })).status).toBe(403);
  });

  it('takes logs, compressed or not, up to a thousand and 5 MB', async () => {
    const logs = [{ message: 'one' }, { message: 'two' }];
    const zipped = await post('/api/v2/logs', gzipSync(JSON.stringify(logs)), { 'content-encoding': 'gzip' });
    expect([zipped.status, await zipped.json()]).toEqual([202, {}]);
    expect(datadog.logs).toEqual(logs);
    expect((await post('/api/v2/logs', Array(1_001).fill({ message: 'x' }))).status).toBe(413);
    const large = gzipSync(JSON.stringify([{ message: 'x'.repeat(5_000_001) }]));
    expect((await post('/api/v2/logs', large, { 'content-encoding': 'gzip' })).status).toBe(413);
  });

  it('cuts a log over 1 MB and says nothing', async () => {
    const response = await post('/api/v2/logs', [{ message: 'x'.repeat(1_000_001) }]);
    expect(response.status).toBe(202);
    expect(datadog.logs).toMatchObject([{ truncatedByDatadog: true }]);
  });

  it('follows a script, then is itself again', async () => {
    datadog.script(
      { kind: 'answer', status: 429, headers: { 'x-ratelimit-reset': '3' } },
      { kind: 'reset', when: 'after-taking' },
    );
    const event = { title: 'a', text: 'b' };
    const first = await post('/api/v1/events', event);
    expect([first.status, first.headers.get('x-ratelimit-reset')]).toEqual([429, '3']);
    await expect(post('/api/v1/events', event)).rejects.toThrow();
    expect((await post('/api/v1/events', event)).status).toBe(202);
    await datadog.waitFor(() => datadog.counts.events === 2);
    expect(datadog.requests).toHaveLength(3);
  });
});
