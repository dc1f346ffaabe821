import { beforeEach, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { ActivityStream, type Activity } from '../core/activity.js';
import type { AlertDraft } from '../core/alert.js';
import { JournalUnavailableError } from '../core/errors.js';
import type { AcceptedRequest, Journal } from '../core/journal.js';
import { memory } from '../journal/memory/journal.js';
import { JournalOptions } from '../kit/journal-options.js';
import { readList } from '../kit/batch.js';
import { Router } from '../routing/router.js';
import type { NamedSource } from '../routing/triage.js';
import { IngestService } from './ingest.service.js';

const draft = (word: string, index: number): AlertDraft => ({
  entity: { type: 'word', id: word },
  version: 'open',
  kind: 'detection',
  state: 'open',
  severity: 'high',
  title: word,
  vendorIds: { word },
  resources: [],
  tags: [],
  quality: [],
  index,
});

/** One alert for each word of the body, but for `bad`. */
const source: NamedSource = {
  name: 'words',
  type: 'words',
  vendor: 'acme',
  product: 'Words',
  source: {
    authenticate: () => ({ ok: true, method: 'test' }),
    read: ({ body }) =>
      readList(body.toString('utf8').split(' '), (word, index) =>
        word === 'bad' ? 'it is bad' : draft(String(word), index),
      ),
  },
};
const quiet: NamedSource = { ...source, name: 'quiet' };

const words = (count: number, prefix = 'w') => Array.from({ length: count }, (_, index) => `${prefix}${String(index)}`);
const request = (...body: readonly string[]) => ({
  headers: { 'content-type': 'text/plain' },
  body: Buffer.from(body.join(' ')),
  path: '/v1/ingest/words',
  remoteAddress: '192.0.2.1',
});

let journal: Journal;
let appended: AcceptedRequest[];
let happened: Activity[];
let service: IngestService;

beforeEach(async () => {
  journal = await memory.open(new JournalOptions(), { now: Date.now });
  appended = [];
  happened = [];
  const append = journal.append.bind(journal);
  journal.append = (requests) => {
    appended.push(...requests);
    return append(requests);
  };
  const activity = new ActivityStream();
  activity.subscribe((each) => happened.push(each));
  service = new IngestService(new Router([{ name: 'all', to: ['lake'] }]), journal, activity);
});

describe('a body of a few alerts', () => {
  it('is kept in one piece, which is not called a part', async () => {
    expect(await service.accept(source, request('a', 'bad', 'b'))).toMatchObject({ accepted: 2, quarantined: 1 });
    expect(appended).toHaveLength(1);
    expect(appended[0]).not.toHaveProperty('part');
    expect(happened).toMatchObject([{ kind: 'received' }]);
    expect(happened[0]).not.toHaveProperty('isUnfinished');
  });
});

describe('a body of many alerts', () => {
  it('is kept in parts and answered once, with a line for each alert in its order', async () => {
    const answer = await service.accept(source, request('bad', ...words(5_000), 'bad', 'w7'));
    expect(answer).toMatchObject({ kind: 'accepted', accepted: 5_000, duplicates: 1, quarantined: 2 });
    if (answer.kind !== 'accepted') throw new Error('it was refused');
    const { items } = await journal.alerts({}, { limit: 10_000 });
    expect(answer.alerts.slice(0, 5_000).map(({ id }) => id)).toEqual(items.map(({ id }) => id).reverse());
    expect(answer.alerts[5_000]).toEqual({ id: answer.alerts[7]?.id, status: 'duplicate' });
    expect(answer.alerts.slice(5_001).map(({ status }) => status)).toEqual(['quarantined', 'quarantined']);

    expect(appended.map(({ alerts }) => alerts.length)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 1]);
    expect(new Set(appended.map(({ id }) => id)).size).toBe(1);
    expect(appended.map(({ part }) => part)).toEqual(
      appended.map((_, index) => ({ isFirst: index === 0, isLast: index === appended.length - 1 })),
    );
    expect(await journal.counts()).toMatchObject({ sources: [{ requests: 1, accepted: 5_000, quarantined: 2 }] });
  });

  it('is told part by part, and when its answer is due', async () => {
    await service.accept(source, request(...words(3_000)));
    const told = happened.filter((each) => each.kind === 'received');
    expect(told).toHaveLength(appended.length);
    expect(told.flatMap(({ alerts }) => alerts)).toHaveLength(3_000);
    expect(told.map(({ isUnfinished }) => isUnfinished)).toEqual([
      ...told.slice(1).map(() => true as const),
      undefined,
    ]);
  });

  it('lets others in between, of its own source and of another', async () => {
    let isDone = false;
    const large = service.accept(source, request(...words(5_000))).then(() => {
      isDone = true;
    });
    await turn();
    for (const each of [quiet, source]) {
      expect(await service.accept(each, request(`of ${each.name}`))).toMatchObject({ kind: 'accepted' });
      expect(isDone).toBe(false);
    }
    await large;
  });

  it('is not answered when a part of it cannot be kept; sent again, nothing is doubled and nothing is lost', async () => {
    const append = journal.append.bind(journal);
    let parts = 0;
    journal.append = (requests) => {
      parts += 1;
      return parts === 3 ? Promise.reject(new JournalUnavailableError('the disk is full', false)) : append(requests);
    };
    const body = request('bad', ...words(5_000));
    await expect(service.accept(source, body)).rejects.toBeInstanceOf(JournalUnavailableError);
    const kept = (await journal.counts()).sources[0]?.accepted ?? 0;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(5_000);
    expect((await journal.quarantine({ limit: 5 })).items).toEqual([]);

    expect(await service.accept(source, body)).toMatchObject({
      accepted: 5_000 - kept,
      duplicates: kept,
      quarantined: 1,
    });
    expect((await journal.alerts({}, { limit: 10_000 })).items).toHaveLength(5_000);
    expect((await journal.quarantine({ limit: 5 })).items).toHaveLength(1);
    expect((await journal.ledger({ from: 0, until: Date.now() + 1 })).balanced).toBe(true);
  });
});

describe('a pulled page of many alerts', () => {
  const page = (...body: readonly string[]) => ({
    body: Buffer.from(body.join(' ')),
    contentType: 'text/plain',
    cursor: 'next',
    isLast: true,
  });

  it('comes due at the rate of its source over all its parts, and its place is taken with the last', async () => {
    const before = Date.now();
    expect(await service.acceptPage(source, page(...words(2_500)), 100)).toMatchObject({ accepted: 2_500 });
    expect(appended.length).toBeGreaterThanOrEqual(3);
    const receivedAt = appended[0]?.receivedAt ?? 0;
    expect(receivedAt).toBeGreaterThanOrEqual(before);
    const due = appended.flatMap(({ alerts }) => alerts.map(({ notBefore = receivedAt }) => notBefore - receivedAt));
    expect(due).toEqual(words(2_500).map((_, index) => 1_000 * Math.floor(index / 100)));
    expect(await journal.pullState('words')).toMatchObject({ cursor: 'next' });
  });

  it('has what cannot be read of it in the quarantine once, however often it comes', async () => {
    const told = page('bad', ...words(2_500));
    expect(await service.acceptPage(source, told, 100)).toMatchObject({ quarantined: 1 });
    expect(await service.acceptPage(source, told, 100)).toMatchObject({ quarantined: 0, duplicates: 2_500 });
    expect((await journal.quarantine({ limit: 5 })).items).toHaveLength(1);
  });
});
