import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startAlertLogicApi, type AlertLogicApi } from '../../../../test/support/alertlogic-api.js';
import { accountId, attempts, incident, uploadId } from '../../../../test/support/alertlogic-records.js';
import { AlertLogic, AlertLogicError, LegacyAlertLogic, type AlertLogicOptions } from './alertlogic.js';

const daySeconds = 86_400;
const begin = Date.UTC(2026, 1, 1) / 1_000;

let now = Date.UTC(2026, 2, 1);
let server: AlertLogicApi;
let client: AlertLogic;

beforeAll(async () => {
  server = await startAlertLogicApi({ now: () => now, tokenMs: 600_000 });
});
beforeEach(() => {
  now = Date.UTC(2026, 2, 1);
  server.clear();
  server.have([incident()]);
  client = openClient();
});
afterEach(() => client.close());
afterAll(() => server.close());

function openClient(overrides: Partial<AlertLogicOptions> = {}): AlertLogic {
  const options = { accessKeyId: 'a1b2c3d4e5f60718', secretKey: 'secret-key-1', baseUrl: server.url, ...overrides };
  return new AlertLogic(options, { egress: 'trust-base-url', clock: { now: () => now } });
}

async function all<T>(elements: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const element of elements) found.push(element);
  return found;
}

async function errorOf(request: Promise<unknown>): Promise<AlertLogicError> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AlertLogicError)) throw new Error(`no AlertLogicError: ${String(error)}`);
  return error;
}

const paths = () => server.requests.map(({ method, path }) => `${method} ${path}`);

describe('a sign-in', () => {
  it('happens once, for as many as ask, and the endpoint is asked for once', async () => {
    const found = await Promise.all([client.incident(uploadId), client.incident(uploadId), client.incident('NONE')]);
    expect(found.map((each) => each?.incidentId)).toEqual([uploadId, uploadId, undefined]);
    expect(paths().sort()).toEqual([
      `GET /endpoints/v1/${accountId}/residency/default/services/iris/endpoint`,
      `GET /iris/v3/${accountId}/${uploadId}`,
      `GET /iris/v3/${accountId}/${uploadId}`,
      `GET /iris/v3/${accountId}/NONE`,
      'POST /aims/v1/authenticate',
    ]);
    expect(server.requests.at(-1)?.headers['x-aims-auth-token']).toMatch(/^token-\d+$/);
  });

  it('happens anew when the token has expired, or is refused before that', async () => {
    const before = server.signIns;
    await client.incident(uploadId);
    now += 530_000;
    await client.incident(uploadId);
    expect(server.signIns).toBe(before + 1);
    now += 20_000;
    await client.incident(uploadId);
    expect(server.signIns).toBe(before + 2);
    server.revoke();
    expect((await client.incident(uploadId))?.incidentId).toBe(uploadId);
    expect(server.signIns).toBe(before + 3);
  });

  it('with a wrong key says so, and never looks like an empty list', async () => {
    const wrong = openClient({ secretKey: 'wrong-canary' });
    const error = await errorOf(all(wrong.incidentsByTime({ start: '2026-02-16' })));
    expect(error).toMatchObject({ status: 401, message: 'Alert Logic answered 401: the access key is not accepted' });
    expect(JSON.stringify(error) + String(error.stack)).not.toContain('canary');
    await wrong.close();
  });

  it.each([
    [401, 'mfa_code_required', /second factor \(MFA\).*use an access key/],
    [401, 'mfa_enrollment_required', /requires a second factor \(MFA\).*has not set one up/],
    [401, 'invalid_session_token', /three minutes/],
    [400, 'password_expired', /password has expired/],
    [400, 'account_inactive', /not active/],
  ])('that ends with %i %s says plainly what is wrong', async (status, error, words) => {
    server.answerSignIn({ status, body: JSON.stringify({ error }) });
    expect(await errorOf(client.incident(uploadId))).toMatchObject({
      status,
      code: error,
      message: expect.stringMatching(words) as unknown,
    });
  });

  it('whose answer has no token is an error', async () => {
    server.answerSignIn({ status: 200, body: '{"authentication":{}}' });
    expect((await errorOf(client.accountId())).message).toContain('no token');
  });

  it('goes on for the others when one gives up', async () => {
    const reason = new Error('enough');
    const stop = new AbortController();
    const given = client.incident(uploadId, stop.signal);
    const other = client.incident(uploadId);
    stop.abort(reason);
    await expect(given).rejects.toBe(reason);
    expect((await other)?.incidentId).toBe(uploadId);
  });
});

describe('the endpoint', () => {
  it('is asked for in the region that is configured', async () => {
    const emea = openClient({ region: 'emea', accountId: '4711' });
    expect(await emea.endpointOf('iris')).toBe(server.url);
    expect(paths()[1]).toBe('GET /endpoints/v1/4711/residency/emea/services/iris/endpoint');
    await emea.close();
  });

  it('of the vendor is called by https', async () => {
    server.nameEndpoint({ status: 200, body: '{"iris":"api.cloudinsight.alertlogic.co.uk.alertlogic.com"}' });
    expect(await client.endpointOf('iris')).toBe('https://api.cloudinsight.alertlogic.co.uk.alertlogic.com');
  });

  it.each(['evil.example', 'evil.example/.alertlogic.com', 'alertlogic.com.evil.example', '127.0.0.1:1', undefined])(
    'of %s is not given the token',
    async (iris) => {
      server.nameEndpoint({ status: 200, body: JSON.stringify({ iris }) });
      expect((await errorOf(client.incident(uploadId))).message).toContain('is no host of alertlogic.com');
    },
  );

  it('of an account without one is where it signs in', async () => {
    server.nameEndpoint({ status: 404 });
    expect((await client.incident(uploadId))?.incidentId).toBe(uploadId);
  });

  it('that could not be had is asked for again', async () => {
    server.nameEndpoint({ status: 403 });
    expect(await errorOf(client.incident(uploadId))).toMatchObject({ status: 403 });
    server.nameEndpoint();
    expect((await client.incident(uploadId))?.incidentId).toBe(uploadId);
  });
});

describe('incidents', () => {
  it('are had by the id that people use', async () => {
    expect((await client.incidentByFriendlyId('k4w9tz'))?.incidentId).toBe(uploadId);
    expect(await client.incidentByFriendlyId('zzzzzz')).toBeUndefined();
    expect(paths()).toContain(`GET /iris/v3/${accountId}/friendly/k4w9tz`);
  });

  it('of twenty days come in windows of seven, a page at a time, each once', async () => {
    const many = Array.from({ length: 20 }, (_, day) =>
      incident({ incidentId: `ID${day}`, createTime: begin + day * daySeconds + 60 }),
    );
    server.have(many);
    const query = { start: new Date(begin * 1_000), end: '2026-02-21T00:00:00+00:00', limit: 3 };
    const found = await all(client.incidentsByTime(query));
    expect(found.map(({ incidentId }) => incidentId)).toEqual(many.map(({ incidentId }) => incidentId));
    const asked = server.requests.flatMap(({ path }) => {
      const { pathname, searchParams } = new URL(path, 'http://x');
      return pathname.endsWith('by_time') ? [Object.fromEntries(searchParams)] : [];
    });
    expect(
      asked.map(({ start_time, end_time, offset }) => [
        (Number(end_time) - Number(start_time)) / daySeconds,
        Number(offset),
      ]),
    ).toEqual([
      [7, 0],
      [7, 3],
      [7, 6],
      [7, 0],
      [7, 3],
      [7, 6],
      [6, 0],
      [6, 3],
    ]);
    expect(asked[0]).toMatchObject({ start_time: String(begin), pagination: 'true', limit: '3' });
  });

  it('at the second where two windows meet come once', async () => {
    const week = 7 * daySeconds;
    server.have([incident({ incidentId: 'EDGE', createTime: begin + week })]);
    const query = { start: new Date(begin * 1_000), end: new Date((begin + 2 * week) * 1_000) };
    expect(await all(client.incidentsByTime(query))).toHaveLength(1);
  });

  it('may come as a plain list', async () => {
    server.answerNext(
      { status: 200, body: JSON.stringify({ iris: new URL(server.url).host }) },
      { status: 200, body: JSON.stringify([{ incidentId: 90071992547409, accountId: 7 }, { no: 'id' }, 'x']) },
    );
    const found = await all(client.incidentsByTime({ start: '2026-02-27T00:00:00' }));
    expect(found).toEqual([{ incidentId: '90071992547409', accountId: 7 }]);
  });

  it('have times without a zone in UTC, and refuse what is none', async () => {
    await all(client.incidentsByTime({ start: '2026-02-27T12:00:00', end: '2026-02-27' }));
    await all(client.incidentsByTime({ start: '2026-02-27T12:00:00', end: '2026-02-27T12:00:30' }));
    expect(paths().at(-1)).toContain(`start_time=${Date.UTC(2026, 1, 27, 12) / 1_000}&`);
    await expect(all(client.incidentsByTime({ start: 'yesterday' }))).rejects.toThrow('a time must be');
    await expect(client.incidentsPage({ startMs: 0, endMs: 8 * daySeconds * 1_000 })).rejects.toThrow('at most 7 days');
  });

  it('have events and log messages', async () => {
    server.haveEvidence(uploadId, { event: attempts, log: [{ message: 'a' }, { message: 'b' }] });
    const events = await all(client.associatedEvents(uploadId, { limit: 5 }));
    expect(events.map(({ event_id }) => event_id)).toEqual(attempts.map(({ event_id }) => event_id));
    expect(await all(client.associatedLogs(uploadId))).toEqual([{ message: 'a' }, { message: 'b' }]);
    expect(await all(client.associatedLogs('NONE'))).toEqual([]);
  });

  it('are closed, judged and opened again', async () => {
    const closing = { notes: 'Ours: a test of the import page', reasonCode: 'threat_not_valid' } as const;
    expect(await client.complete(uploadId, closing)).toMatchObject({
      old: { status: 'open' },
      new: { status: 'completed', reason_code: 'threat_not_valid', notes: 'Ours: a test of the import page' },
    });
    expect(await errorOf(client.complete(uploadId, closing))).toMatchObject({
      status: 400,
      message: expect.stringContaining('status is currently the same completed') as unknown,
    });
    expect(await client.reopen(uploadId, { notes: 'It was not' })).toMatchObject({ new: { status: 'open' } });
    await client.feedback(uploadId, { feedback: 'not_useful', reason: 'ours' });
    expect(JSON.parse(String(server.requests.at(-1)?.body))).toEqual({
      customer_feedback: 'not_useful',
      customer_feedback_reason: 'ours',
    });
    expect(await errorOf(client.reopen('NONE', { notes: '' }))).toMatchObject({ status: 404 });
  });

  it('have classes', async () => {
    expect(await client.incidentFilters()).toMatchObject({ class: ['application-attack'] });
  });
});

describe('an answer that says no', () => {
  it('of 403 is an error', async () => {
    const other = openClient({ accountId: '1' });
    expect(await errorOf(all(other.incidentsByTime({ start: '2026-02-27' })))).toMatchObject({ status: 403 });
    await other.close();
  });

  it('of 429 and 503 is waited out, and told where it lasts', async () => {
    await client.accountId();
    server.answerNext({ status: 503 }, { status: 429, headers: { 'retry-after': '0' } });
    expect((await client.incident(uploadId))?.incidentId).toBe(uploadId);
    server.answerNext({ status: 429, headers: { 'retry-after': '600', 'x-request-id': 'r-9' } });
    expect(await errorOf(client.incident(uploadId))).toMatchObject({
      status: 429,
      retryAfterMs: 600_000,
      requestId: 'r-9',
    });
  });

  it.each(['<html>', '[]', '{}'])('may be 200 with %j', async (body) => {
    await client.incident(uploadId);
    server.answerNext({ status: 200, body });
    expect(await errorOf(client.incident(uploadId))).toMatchObject({ status: 200 });
  });

  it('may be none at all', async () => {
    const other = openClient({ baseUrl: 'http://127.0.0.1:1', retries: { attempts: 1 } });
    expect((await errorOf(other.incident(uploadId))).status).toBeUndefined();
    await other.close();
  });
});

describe('a client', () => {
  it('needs both halves of a key', () => {
    expect(() => openClient({ accessKeyId: '' })).toThrow('accessKeyId must not be empty');
    expect(() => openClient({ secretKey: ' ' })).toThrow('secretKey must not be empty');
  });
});

describe('the older API', () => {
  const old = { incident_id: 4420, customer_id: 11, summary: 'Scan\n', threat_rating: 'Low', create_date: begin };
  let legacy: LegacyAlertLogic;

  beforeEach(() => {
    server.haveLegacy([old]);
    legacy = new LegacyAlertLogic({ apiKey: 'legacy-key-1', baseUrl: server.url });
  });
  afterEach(() => legacy.close());

  it('has incidents by id; what it does not know is undefined', async () => {
    expect(await legacy.incident(4420)).toEqual(old);
    expect(await legacy.incident('9', { customerId: 11 })).toBeUndefined();
    expect(server.requests.map(({ path }) => path)).toEqual([
      '/api/incident/v3/incidents?incident_id=4420&customer_id=all_children&escalated_only=false',
      '/api/incident/v3/incidents?incident_id=9&customer_id=11&escalated_only=false',
    ]);
  });

  it('has incidents by when they were made', async () => {
    expect(await legacy.incidents({ start: '2026-02-01', end: '2026-02-02', escalatedOnly: true })).toEqual([old]);
    await legacy.incidents({ start: '2026-02-01' });
    expect(server.requests.map(({ path }) => decodeURIComponent(path).split('?')[1])).toEqual([
      `create_date=${begin}..${begin + daySeconds}&customer_id=all_children&escalated_only=true`,
      `create_date=>${begin}&customer_id=all_children&escalated_only=false`,
    ]);
  });

  it('says when the key is wrong, and not what it was', async () => {
    const wrong = new LegacyAlertLogic({ apiKey: 'wrong-canary', baseUrl: server.url });
    const error = await errorOf(wrong.incident(1));
    expect(error).toMatchObject({ status: 401 });
    expect(error.message).not.toContain('canary');
    await wrong.close();
    expect(() => new LegacyAlertLogic({ apiKey: '' })).toThrow('apiKey must not be empty');
  });
});
