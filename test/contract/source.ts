import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { kinds, resourceRoles, severities, states, type AlertDraft } from '../../src/core/alert.js';
import { toAlert } from '../../src/core/identity.js';
import type { ReadElements, Reading, Source, SourcePlugin, WebhookRequest } from '../../src/core/source.js';
import { parseJson } from '../../src/kit/json.js';
import { readWhole } from '../support/read-whole.js';

export type SourceUnderTest<Options extends object> = {
  readonly plugin: SourcePlugin<Options>;
  /** The source's block of the config, as in YAML but without `auth`. */
  readonly options?: object;
  /** `new URL('./fixtures/', import.meta.url)`, inside the plugin's folder. */
  readonly fixtures: URL;
  /** Our clock for the fixtures, in milliseconds. */
  readonly now?: number;
  /** Where the vendor sends several alerts in one body: how, and two good ones. */
  readonly batch?: {
    readonly of: (elements: readonly unknown[]) => unknown;
    readonly elements: readonly [unknown, unknown];
  };
};

/**
 * What every source promises, whatever its vendor. Call it once in the spec of each source.
 *
 * A fixture is a body as the vendor would send it, `NAME.json` (or `NAME.txt`, which need not be JSON), with
 * `NAME.headers.json` where headers matter, beside `NAME.expected.json`: the whole `Reading` it must become.
 * `UPDATE_FIXTURES=1` writes the expected files from what is read now; look through them before you commit.
 */
export function describeSource<Options extends object>(subject: SourceUnderTest<Options>): void {
  const { plugin, batch, now = Date.UTC(2026, 2, 1) } = subject;
  const fixtures = fixturesIn(subject.fixtures);
  const open = (auth: unknown, clock: number): Source =>
    plugin.open(readOptions(plugin, { ...subject.options, auth }), { name: 'under-test', now: () => clock });
  const source = open('none', now);
  const later = open('none', now + 3_600_000);
  const readBy = (reader: Source, request: WebhookRequest) => readWhole(reader.read(request));
  const read = (request: WebhookRequest) => readBy(source, request);

  describe(`the ${plugin.type} source`, () => {
    it('is named after its folder', () => {
      expect(plugin.type).toBe(basename(dirname(fileURLToPath(subject.fixtures))));
      expect([plugin.vendor, plugin.product]).not.toContain('');
    });

    it('lets in whom its auth lets in', () => {
      const guarded = open({ type: 'bearer', secret: 'key-1' }, now);
      const bearer = (key: string) => requestOf('{}', { authorization: `Bearer ${key}` });
      expect(guarded.authenticate(bearer('key-1'))).toEqual({ ok: true, method: 'bearer' });
      expect(guarded.authenticate(bearer('key-2'))).toEqual({ ok: false });
      expect(guarded.authenticate(requestOf('{}'))).toEqual({ ok: false });
    });

    it.each(fixtures)('reads $name', ({ body, headers, expectedPath }) => {
      const reading = read(requestOf(body, headers));
      if (process.env['UPDATE_FIXTURES'] === '1') writeFileSync(expectedPath, `${JSON.stringify(reading, null, 2)}\n`);
      expect(reading).toEqual(JSON.parse(readFileSync(expectedPath, 'utf8')));
      expectSound(reading);
    });

    it.each(fixtures)('gives $name the same identity at any time', ({ body, headers }) => {
      const request = requestOf(body, headers);
      expect(identitiesOf(plugin, readBy(later, request))).toEqual(identitiesOf(plugin, read(request)));
    });

    it.each(fixtures.filter(isJson))('gives $name the same identity in any formatting', ({ body, headers }) => {
      const value = jsonOf(body);
      const identities = identitiesOf(plugin, read(requestOf(body, headers)));
      for (const spelling of [JSON.stringify(value), JSON.stringify(reversed(value), null, 3)]) {
        expect(identitiesOf(plugin, read(requestOf(spelling, headers)))).toEqual(identities);
      }
    });

    it.each(fixtures)('leaves the request of $name as it was', ({ body, headers }) => {
      const request = requestOf(Buffer.from(body), Object.freeze({ ...headers }));
      read(Object.freeze(request));
      expect(request.body.equals(body)).toBe(true);
    });

    it('reads any bytes without throwing', () => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
          expectSound(read(requestOf(Buffer.from(bytes))));
        }),
      );
    });

    it('reads any JSON without throwing', () => {
      fc.assert(
        fc.property(anyJson, (value) => {
          expectSound(read(requestOf(JSON.stringify(value))));
        }),
      );
    });

    it('reads its fixtures with anything in any place, and always alike', () => {
      const place = fc.array(fc.nat(), { maxLength: 8 });
      fc.assert(
        fc.property(fc.constantFrom(...fixtures.filter(isJson)), place, anyJson, ({ body, headers }, steps, value) => {
          const request = requestOf(JSON.stringify(replaced(jsonOf(body), steps, value)), headers);
          const reading = read(request);
          expectSound(reading);
          expect(identitiesOf(plugin, readBy(later, request))).toEqual(identitiesOf(plugin, reading));
        }),
        { numRuns: 300 },
      );
    });

    if (batch) {
      const [first, last] = batch.elements;
      const batchOf = (...elements: readonly unknown[]) => requestOf(JSON.stringify(batch.of(elements)));
      const readBatch = (...elements: readonly unknown[]) => read(batchOf(...elements));

      // Some flags tell of the bytes as a whole, so that neighbours share them.
      const withoutQuality = ({ quality, ...rest }: AlertDraft) => rest;
      const [atFirst, , atLast] = readBatch(first, first, last).drafts.map(withoutQuality);

      it('accounts for every element of a batch, and none spoils its neighbours', () => {
        fc.assert(
          fc.property(anyJson, (element) => {
            const reading = readBatch(first, element, last);
            const found = [...reading.drafts, ...reading.unread].map(({ index }) => index);
            expect(found.sort()).toEqual([0, 1, 2]);
            const neighbours = reading.drafts.filter(({ index }) => index !== 1);
            expect(neighbours.map(withoutQuality)).toEqual([atFirst, atLast]);
          }),
        );
      });

      it('reads a large batch a little at a time, each element once and in order, and as it would read it alone', () => {
        const count = 300;
        const elements = Array.from({ length: count }, (_, index) => (index % 3 === 0 ? null : first));
        const readings: ReadElements[] = [source.read(batchOf(...elements))];
        for (let rest = readings[0]?.rest; rest; rest = readings.at(-1)?.rest) readings.push(rest());
        expect(Math.max(...readings.map(({ drafts }) => drafts.length))).toBeLessThanOrEqual(50);
        const drafts = readings.flatMap((reading) => reading.drafts);
        const unread = readings.flatMap((reading) => reading.unread);
        expect([...drafts, ...unread].map(({ index }) => index).sort((a = 0, b = 0) => a - b)).toEqual(
          elements.map((_, index) => index),
        );
        expect(unread.map(({ index = 0 }) => index % 3)).toEqual(unread.map(() => 0));
        const alike = drafts.map(({ index: _, ...draft }) => withoutQuality(draft));
        const { index: _, ...alone } = atFirst ?? {};
        expect(alike.filter((draft) => !isDeepStrictEqual(draft, alone))).toEqual([]);
      });

      it('reads none of a batch that is too large', () => {
        const { drafts, unread } = readBatch(...Array<unknown>(20_001).fill(0));
        expect({ drafts, unread }).toEqual({
          drafts: [],
          unread: [{ reason: expect.stringContaining('too_many') }],
        });
      });
    }
  });
}

type Fixture = {
  readonly name: string;
  readonly body: Buffer;
  readonly headers: WebhookRequest['headers'];
  readonly expectedPath: URL;
};

function fixturesIn(folder: URL): readonly Fixture[] {
  const files = readdirSync(folder).sort();
  const bodies = files.filter((file) => /\.(json|txt)$/.test(file) && !/\.(expected|headers)\.json$/.test(file));
  return bodies.map((name) => {
    const stem = name.replace(/\.[a-z]+$/, '');
    const headersFile = files.find((file) => file === `${stem}.headers.json`);
    return {
      name,
      body: readFileSync(new URL(name, folder)),
      headers: headersFile
        ? (JSON.parse(readFileSync(new URL(headersFile, folder), 'utf8')) as WebhookRequest['headers'])
        : { 'content-type': 'application/json' },
      expectedPath: new URL(`${stem}.expected.json`, folder),
    };
  });
}

function isJson({ name }: Fixture): boolean {
  return name.endsWith('.json');
}

/** As the kit reads it, so that long numbers can be written again. */
function jsonOf(body: Buffer): unknown {
  const parsed = parseJson(body);
  if (parsed.kind === 'unreadable') throw new Error(`a fixture named .json is not: ${parsed.reason}`);
  return parsed.value;
}

function readOptions<Options extends object>(plugin: SourcePlugin<Options>, plain: object): Options {
  const options = plainToInstance(plugin.options, plain);
  expect(validateSync(options, { whitelist: true, forbidNonWhitelisted: true })).toEqual([]);
  return options;
}

function requestOf(body: string | Buffer, headers: WebhookRequest['headers'] = {}): WebhookRequest {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return { headers, body: bytes, path: '/v1/ingest/under-test', remoteAddress: '192.0.2.1' };
}

/** What decides whether two reports are of one finding, and whether they are one report. */
function identitiesOf(plugin: SourcePlugin, reading: Reading): readonly (readonly [string, string])[] {
  const { vendor, product } = plugin;
  const request = { id: 'r', sha256: '', bytes: 0, contentType: '' };
  const arrival = { vendor, product, sourceId: 's', receivedAt: '2026-03-01T00:00:00.000Z', request };
  return reading.drafts.map((draft) => {
    const { fingerprint, dedupKey } = toAlert(draft, arrival);
    return [fingerprint, dedupKey];
  });
}

/** The rules of the alert model that a type cannot hold. */
function expectSound(reading: Reading): void {
  // Jest's own strict equality takes a member named `constructor` for the type.
  expect(isDeepStrictEqual(JSON.parse(JSON.stringify(reading)), reading)).toBe(true);
  expect(textsIn(reading).filter((text) => /\p{Surrogate}|\u0000/u.test(text))).toEqual([]);
  for (const { reason } of reading.unread) expect(reason).not.toBe('');
  reading.drafts.forEach(expectSoundDraft);
}

function expectSoundDraft(draft: AlertDraft): void {
  expect(draft.title.trim()).not.toBe('');
  expect(Array.from(draft.title).length).toBeLessThanOrEqual(500);
  expect(draft.version).not.toBe('');
  if (draft.entity) expect(Object.values(draft.entity)).not.toContain('');
  for (const text of [draft.description, draft.recommendation]) {
    expect(Buffer.byteLength(text ?? '')).toBeLessThanOrEqual(16_384);
  }
  expect(kinds).toContain(draft.kind);
  expect(states).toContain(draft.state);
  expect(severities).toContain(draft.severity);
  expect(draft.confidence ?? 0).toBeGreaterThanOrEqual(0);
  expect(draft.confidence ?? 0).toBeLessThanOrEqual(100);
  expect(draft.count ?? 0).toBeGreaterThanOrEqual(0);
  expect(draft.url ?? 'https://').toMatch(/^https:\/\//);
  const times = [
    draft.time,
    draft.updatedTime,
    draft.startTime,
    draft.endTime,
    ...(draft.notes ?? []).map((n) => n.time),
  ];
  expect(times.filter((time) => time !== undefined && !isRfc3339(time))).toEqual([]);
  expect(Object.values(draft.vendorIds)).not.toContain('');
  expect(draft.resources.length).toBeLessThanOrEqual(200);
  expect(resourceRoles).toEqual(expect.arrayContaining(draft.resources.map(({ role }) => role)));
  expect(new Set(draft.quality).size).toBe(draft.quality.length);
  expect(draft.quality.filter((code) => !/^[a-z0-9]+(_[a-z0-9]+)*$/.test(code))).toEqual([]);
}

/** UTC, with milliseconds. */
function isRfc3339(time: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time) && !Number.isNaN(Date.parse(time));
}

/** Every text in a JSON value, the names of members too. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => [name, ...textsIn(member)]);
}

/** The same JSON with the members of every object in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, reversed(member)] as const);
  return Object.fromEntries(entries.reverse());
}

/** A copy with another value at the place that the steps lead to: each picks one of the members it finds. */
function replaced(node: unknown, [step, ...steps]: readonly number[], value: unknown): unknown {
  const names = typeof node === 'object' && node !== null ? Object.keys(node) : [];
  const name = names[(step ?? 0) % names.length];
  if (step === undefined || name === undefined) return value;
  const member = replaced((node as Record<string, unknown>)[name], steps, value);
  return Array.isArray(node) ? node.with(Number(name), member) : { ...(node as object), [name]: member };
}

/** What vendors, proxies and attackers put where something else belongs. */
const oddText = fc.constantFrom(
  ...['', ' ', '\ud800', 'a\udc00b', '\u0000', 'a\u0000', '\u202etxt', '\u200b', 'null', '__proto__', 'constructor'],
  ...['9'.repeat(30), '-1', '1e400', '0x10', '2020-02-30', '1999-12-31T23:59:59Z', 'javascript:alert(1)', 'https://'],
  ...['😀'.repeat(600), 'é'.repeat(20_000), 'a '.repeat(2_000), '<b>&amp;</b>', "['a', 'b']", '{"a":1}', '\\n'],
);
const oddValue = fc.oneof(
  oddText,
  fc.constantFrom(null, true, false, 0, -1, 0.5, 1e21, 2 ** 53, [], {}, [[]], [null], { '': '' }),
  fc.constantFrom<unknown>(Array(300).fill('x'), Array(300).fill({ id: 'x' }), { constructor: { prototype: 1 } }),
  fc.dictionary(fc.oneof(oddText, fc.string()), fc.oneof(oddText, fc.string()), { maxKeys: 4 }),
);
const anyJson: fc.Arbitrary<unknown> = fc.oneof(oddValue, fc.jsonValue({ maxDepth: 4 }));
