import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import fc from 'fast-check';
import { alertArbitrary, sampleAlert } from '../../../test/support/alerts.js';
import { startDatadog, type Datadog } from '../../../test/support/datadog.js';
import { sampleDelivery } from '../../../test/support/deliveries.js';
import type { Alert } from '../../core/alert.js';
import type { Delivery } from '../../core/journal.js';
import type { Sink } from '../../core/sink.js';
import { DatadogOptions } from './options.js';
import { datadog } from './sink.js';

const hourMs = 3_600_000;
const signal = new AbortController().signal;
let remote: Datadog;
let sink: Sink;

beforeAll(async () => {
  remote = await startDatadog({ apiKey: 'right', applicationKey: 'app' });
});
beforeEach(() => {
  remote.clear();
  remote.acceptKey('right');
});
afterEach(() => sink.close?.());
afterAll(() => remote.close());

/** `ahead`: by how much our clock is ahead of Datadog's. */
function open(options: object, ahead = 0): Sink {
  const plain = { endpoint: remote.url, apiKey: 'right', applicationKey: 'app', allowCidrs: '127.0.0.0/8', ...options };
  sink = datadog.open(plainToInstance(DatadogOptions, plain), { name: 'datadog', now: () => Date.now() + ahead });
  return sink;
}

const deliveryOf = (alert: Partial<Alert> = {}): Delivery =>
  sampleDelivery({ alert: sampleAlert({ time: new Date().toISOString(), ...alert }) });

describe('an event at Datadog', () => {
  it('is delivered with the id that Datadog gives it', async () => {
    const event = await open({}).deliver([deliveryOf()], signal);
    expect(event).toEqual([
      {
        kind: 'delivered',
        answer: { status: 202 },
        remoteId: expect.stringMatching(/^63278187026359115\d\d$/) as unknown,
      },
    ]);
    expect(remote.events).toMatchObject([{ title: 'Threat Stack alert: Root shell' }]);
    const eventV2 = await open({ intake: 'events-v2' }).deliver([deliveryOf()], signal);
    expect(eventV2).toMatchObject([{ kind: 'delivered', remoteId: expect.stringMatching(/^AZ/) as unknown }]);
    expect(remote.eventsV2).toHaveLength(1);
  });

  it.each(['events', 'events-v2'])('of last week is taken (%s)', async (intake) => {
    const time = new Date(Date.now() - 7 * 24 * hourMs).toISOString();
    expect(await open({ intake }).deliver([deliveryOf({ time })], signal)).toMatchObject([{ kind: 'delivered' }]);
    expect(remote.requests).toHaveLength(1);
  });

  it.each(['events', 'events-v2'])('is taken although our clock is a day slow (%s)', async (intake) => {
    const time = new Date(Date.now() - 24 * hourMs).toISOString();
    const outcome = await open({ intake }, -24 * hourMs).deliver([deliveryOf({ time })], signal);
    expect(outcome).toMatchObject([{ kind: 'delivered' }]);
    expect(remote.requests).toHaveLength(2);
    expect(JSON.stringify([...remote.events, ...remote.eventsV2])).toContain(`Happened at ${time}`);
  });

  it('is given up where its time is refused once more', async () => {
    remote.always({ kind: 'answer', status: 400, body: '{"errors":["Event too far in the past"]}' });
    expect(await open({}).deliver([deliveryOf()], signal)).toMatchObject([
      { kind: 'rejected', answer: { status: 400 } },
    ]);
    expect(remote.requests).toHaveLength(2);
  });

  it('that is too large goes again shorter, once', async () => {
    remote.script({ kind: 'answer', status: 413 });
    const delivery = deliveryOf({ description: 'x'.repeat(16_000) });
    expect(await open({}).deliver([delivery], signal)).toMatchObject([{ kind: 'delivered' }]);
    const [first, second] = remote.requests.map(({ body }) => body.length);
    expect(second).toBeLessThan((first ?? 0) / 2);

    remote.always({ kind: 'answer', status: 413 });
    expect(await sink.deliver([delivery], signal)).toMatchObject([{ kind: 'rejected', cause: 'size' }]);
    expect(remote.requests).toHaveLength(4);
  });
});

describe('logs at Datadog', () => {
  const batchOf = (count: number, alert: Partial<Alert> = {}): readonly Delivery[] =>
    Array.from({ length: count }, (_, index) => deliveryOf({ title: `alert ${index}`, ...alert }));

  it('go by the thousand in one request, in order', async () => {
    expect(await open({ intake: 'logs' }).deliver(batchOf(1_000), signal)).toMatchObject({ kind: 'delivered' });
    expect(remote.requests).toHaveLength(1);
    expect(remote.logs.map(({ message }) => message)).toEqual(Array.from({ length: 1_000 }, (_, i) => `alert ${i}`));
  });

  it('that are too many bytes are rejected unsent, to be halved', async () => {
    const batch = batchOf(10, { enrichment: { all: 'x'.repeat(500_000) } });
    expect(await open({ intake: 'logs' }).deliver(batch, signal)).toMatchObject({ kind: 'rejected', cause: 'size' });
    expect(remote.requests).toHaveLength(0);
    expect(await sink.deliver(batch.slice(0, 5), signal)).toMatchObject({ kind: 'delivered' });
  });

  it('of more than a megabyte are cut by us, who say so', async () => {
    const batch = batchOf(1, { enrichment: { all: 'é'.repeat(600_000) } });
    expect(await open({ intake: 'logs' }).deliver(batch, signal)).toMatchObject({ kind: 'delivered' });
    expect(remote.logs).toMatchObject([{ message: 'alert 0', alert: { is_truncated: true } }]);
  });

  it('that Datadog finds too large are rejected, one alone goes again shorter first', async () => {
    remote.always({ kind: 'answer', status: 413 });
    expect(await open({ intake: 'logs' }).deliver(batchOf(2), signal)).toMatchObject({
      kind: 'rejected',
      cause: 'size',
    });
    expect(remote.requests).toHaveLength(1);
    expect(await sink.deliver(batchOf(1), signal)).toMatchObject({ kind: 'rejected', cause: 'size' });
    expect(remote.requests).toHaveLength(3);
  });

  it('hold an OCSF finding, if asked', async () => {
    await open({ intake: 'logs', ocsf: true }).deliver(batchOf(1), signal);
    expect(remote.logs).toMatchObject([{ ocsf: { class_uid: 2004 }, alert: { kind: 'detection' } }]);
  });
});

describe('a Datadog sink', () => {
  it('waits for its key, and knows when it is good again', async () => {
    open({});
    remote.acceptKey('another');
    expect(await sink.deliver([deliveryOf()], signal)).toMatchObject([
      { kind: 'parked', reason: 'answered 403 Forbidden: the credential is not accepted' },
    ]);
    expect(await sink.probe?.(signal)).toBe(false);
    remote.acceptKey('right');
    expect(await sink.probe?.(signal)).toBe(true);
  });

  it.each(['events', 'events-v2', 'logs'])('gets any alert past the checks of Datadog (%s)', async (intake) => {
    open({ intake });
    const alerts = fc.sample(alertArbitrary, { numRuns: 200, seed: 1 });
    const odd = ['\u202e', '\ud800', '%%%', '@', '\u0000', 'x'.repeat(5_000), '😀'.repeat(400)];
    for (const alert of [...alerts, ...odd.map((title) => sampleAlert({ title, description: title }))]) {
      expect([await sink.deliver([sampleDelivery({ alert })], signal)].flat()).toMatchObject([{ kind: 'delivered' }]);
    }
  });

  it('takes no web page for an answer', async () => {
    const page = { status: 200, headers: { 'content-type': 'text/html; charset=utf-8' }, body: '<html>Please log in' };
    remote.always({ kind: 'answer', ...page });
    for (const intake of ['events', 'events-v2', 'logs']) {
      const outcome = await open({ intake }).deliver([deliveryOf()], signal);
      expect([outcome].flat()).toMatchObject([{ kind: 'parked', answer: { excerpt: '<html>Please log in' } }]);
    }
  });

  it('gets on without a validation page at an endpoint of one’s own', async () => {
    expect(await open({ endpoint: `${remote.url}/prefix` }).probe?.(signal)).toBe(true);
    expect(remote.requests).toMatchObject([{ path: '/prefix/api/v1/validate' }]);
  });

  it('makes more calls at once where a call is one event', () => {
    expect(open({})).toMatchObject({ maxBatch: 1, concurrency: 16, keepsState: false, maxAge: 17.5 * 3_600_000 });
    expect(open({ intake: 'events-v2' })).toMatchObject({ maxBatch: 1, concurrency: 16, keepsState: true });
    expect(open({ intake: 'logs' })).toMatchObject({ maxBatch: 1_000, concurrency: 4, keepsState: false });
    expect(open({ intake: 'logs', concurrency: 2 })).toMatchObject({ concurrency: 2 });
  });
});
