import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import type { Delivery } from '../../src/core/journal.js';
import type { Outcome, Sink, SinkPlugin } from '../../src/core/sink.js';
import { alertArbitrary, sampleAlert } from '../support/alerts.js';
import { sampleDelivery } from '../support/deliveries.js';
import {
  startScriptedServer,
  type Reply,
  type ScriptedServer,
  type ServedRequest,
} from '../support/scripted-server.js';

export type SinkUnderTest<Options extends object> = {
  readonly plugin: SinkPlugin<Options>;
  /** `new URL('./', import.meta.url)`, the plugin's folder. */
  readonly folder: URL;
  /** Names this variant of the sink, where one plugin is tested with several options. */
  readonly variant?: string;
  /** The sink's block of the config, as in YAML. Every credential in it must contain `place.secret`. */
  readonly options: (place: Place) => object;
  /** For sinks that call somebody over HTTP. */
  readonly http?: {
    /** What the other side answers when all is well. */
    readonly good: (request: ServedRequest) => Reply;
    /** Takes away what the sink's README says may differ between two attempts. */
    readonly withoutClock?: (request: ServedRequest) => unknown;
  };
};

export type Place = {
  /** Where a server on loopback listens; `allowCidrs: [127.0.0.0/8]` is added to the options of HTTP sinks. */
  readonly url: string;
  /** An empty folder. */
  readonly folder: string;
  readonly secret: string;
};

const canary = 'canary-5f0c1d';
const startedAt = Date.UTC(2026, 2, 1, 12);

/** What every sink promises, whatever it writes to. Call it once in the spec of each sink, for each way it works. */
export function describeSink<Options extends object>(subject: SinkUnderTest<Options>): void {
  const { plugin, http } = subject;
  const name = `the ${plugin.type} sink${subject.variant === undefined ? '' : ` (${subject.variant})`}`;
  let server: ScriptedServer;
  let folder: string;
  let sink: Sink;
  let now: number;

  const optionsWith = (extra: object): Options =>
    plainToInstance(plugin.options, { ...subject.options({ url: server.url, folder, secret: canary }), ...extra });

  const problemsOf = (options: Options): readonly string[] =>
    validateSync(options, { whitelist: true, forbidNonWhitelisted: true }).map(({ property }) => property);

  const openWith = (extra: object): Sink => {
    const options = optionsWith(extra);
    expect(problemsOf(options)).toEqual([]);
    expect(shown(options)).not.toContain(canary);
    return plugin.open(options, { name: 'under-test', now: () => now });
  };

  const deliver = (
    batch: readonly Delivery[] = [recent()],
    signal: AbortSignal = new AbortController().signal,
  ): Promise<readonly Outcome[]> => outcomesFor(sink, batch, signal);

  beforeAll(async () => {
    server = await startScriptedServer((request) => http?.good(request) ?? { status: 200 });
  });
  beforeEach(() => {
    server.clear();
    now = startedAt;
    folder = mkdtempSync(join(tmpdir(), 'signalbox-sink-'));
    sink = openWith(http ? { allowCidrs: ['127.0.0.0/8'] } : {});
  });
  afterEach(async () => {
    await sink.close?.();
    rmSync(folder, { recursive: true, force: true });
  });
  afterAll(() => server.close());

  describe(name, () => {
    it('is named after its folder', () => {
      expect(plugin.type).toBe(basename(fileURLToPath(subject.folder)));
    });

    it('says how much it takes at once', () => {
      for (const limit of [sink.maxBatch, sink.concurrency, sink.maxBatchBytes ?? 1]) {
        expect(Number.isInteger(limit) && limit >= 1).toBe(true);
      }
    });

    it('delivers', async () => {
      expect(await deliver()).toMatchObject([{ kind: 'delivered' }]);
    });

    it('delivers a batch, with one outcome for all or one each', async () => {
      const batch = deliveries(Math.min(sink.maxBatch, 50));
      expect(kindsOf(await deliver(batch))).toEqual(batch.map(() => 'delivered'));
    });

    it('takes the same delivery twice', async () => {
      const delivery = recent();
      expect(kindsOf([...(await deliver([delivery])), ...(await deliver([delivery]))])).toEqual([
        'delivered',
        'delivered',
      ]);
    });

    it('delivers any alert', async () => {
      const alerts = fc.sample(alertArbitrary, { numRuns: 40, seed: 7 });
      for (const alert of alerts) {
        expect(await deliver([sampleDelivery({ alert })])).toMatchObject([{ kind: 'delivered' }]);
      }
    });

    it('leaves a delivery as it was', async () => {
      expect(kindsOf(await deliver([frozen(recent())]))).toEqual(['delivered']);
    });

    it('delivers at the same time as often as it says', async () => {
      const outcomes = await Promise.all(deliveries(Math.min(sink.concurrency, 20)).map((one) => deliver([one])));
      expect(new Set(kindsOf(outcomes.flat()))).toEqual(new Set(['delivered']));
    });

    it('is ready when it is asked', async () => {
      expect(await (sink.probe?.(new AbortController().signal) ?? true)).toBe(true);
    });

    it('closes, more than once', async () => {
      await deliver();
      await sink.close?.();
      await sink.close?.();
    });

    if (http)
      describeHttp(http, {
        server: () => server,
        sink: () => sink,
        openUnchecked: (extra) => {
          const options = optionsWith(extra);
          return { problems: problemsOf(options), sink: plugin.open(options, { name: 'under-test', now: () => now }) };
        },
        deliver,
        tick: (ms) => (now += ms),
      });
  });
}

type Bench = {
  readonly server: () => ScriptedServer;
  readonly sink: () => Sink;
  /** Opens it with options as they are, with the options that are refused at load. */
  readonly openUnchecked: (extra: object) => { readonly problems: readonly string[]; readonly sink: Sink };
  readonly deliver: (batch?: readonly Delivery[], signal?: AbortSignal) => Promise<readonly Outcome[]>;
  readonly tick: (ms: number) => void;
};

/** What an answer, or none, must become; see `Outcome`. */
function describeHttp(http: NonNullable<SinkUnderTest<object>['http']>, bench: Bench): void {
  const { server, sink, deliver } = bench;

  it.each([
    ['delivered', [200, 201, 202, 204]],
    ['retry', [408, 425, 429, 500, 502, 503, 504]],
    ['parked', [401, 403, 404, 407, 410]],
    ['rejected', [400, 413, 422]],
  ] as const)('has the outcome %s for %j', async (kind, statuses) => {
    for (const status of statuses) {
      server().always({ kind: 'answer', status });
      const [outcome] = await deliver();
      expect([status, outcome?.kind]).toEqual([status, kind]);
      if (outcome?.kind !== 'delivered') expect(outcome?.reason).toContain(String(status));
    }
  });

  it.each([301, 302, 303, 307, 308])('does not follow a %i', async (status) => {
    server().always({ kind: 'answer', status, headers: { location: `${server().url}/elsewhere` } });
    expect(await deliver()).toMatchObject([{ kind: 'parked' }]);
    expect(server().requests).toHaveLength(1);
  });

  it.each([
    ['retry-after', '3', 3_000],
    ['retry-after', new Date(startedAt + 3_000).toUTCString(), 3_000],
    ['retry-after', '1000000000', 900_000],
    ['retry-after', '-5', undefined],
    ['retry-after', 'NaN', undefined],
    ['retry-after', '', undefined],
    ['x-ratelimit-reset', '3', 3_000],
    ['x-other', '3', undefined],
  ])('waits as %s: %s asks for', async (header, value, afterMs) => {
    for (const status of [429, 503]) {
      server().always({ kind: 'answer', status, headers: { [header]: value } });
      const [outcome] = await deliver();
      expect(outcome).toMatchObject({ kind: 'retry', cause: 'http' });
      expect(outcome?.kind === 'retry' ? outcome.afterMs : 0).toBe(afterMs);
    }
  });

  it.each([{ kind: 'hang' }, { kind: 'hang-after-headers' }] as const)(
    'gives up on a server after 30 s: $kind',
    async (step) => {
      jest.useFakeTimers({ doNotFake: allBut('setTimeout', 'clearTimeout') });
      try {
        server().always(step);
        const outcomes = deliver();
        await server().waitFor(() => server().requests.length > 0);
        await jest.advanceTimersByTimeAsync(31_000);
        expect(await outcomes).toMatchObject([{ kind: 'retry', cause: 'deadline' }]);
      } finally {
        jest.useRealTimers();
      }
    },
  );

  it('stops when it is told to', async () => {
    const stop = new AbortController();
    server().always({ kind: 'hang' });
    const outcomes = deliver(undefined, stop.signal);
    await server().waitFor(() => server().requests.length > 0);
    stop.abort();
    expect(kindsOf(await outcomes)).toEqual(['retry']);
  });

  it.each(['at-once', 'mid-body', 'after-taking'] as const)('tries again after a reset %s', async (when) => {
    server().always({ kind: 'reset', when });
    expect(await deliver()).toMatchObject([{ kind: 'retry', cause: 'network' }]);
    server().always();
    expect(await deliver()).toMatchObject([{ kind: 'delivered' }]);
  });

  it('reads no answer that does not end', async () => {
    server().script({ kind: 'endless-body' });
    expect(await deliver()).toHaveLength(1);
    expect(await deliver()).toMatchObject([{ kind: 'delivered' }]);
  });

  it.each(['', 'OK', '[]', 'null', '{"status":', '{"event":null}'])('lives with the answer %j', async (body) => {
    for (const status of [200, 400, 500]) {
      server().always({ kind: 'answer', status, body });
      expect(await deliver()).toHaveLength(1);
    }
  });

  it('shows no credential, even where the other side repeats it', async () => {
    const said: unknown[] = [];
    for (const status of [200, 307, 400, 401, 403, 404, 413, 429, 500]) {
      await deliver();
      const { headers, path } = server().requests.at(-1) ?? {};
      server().always({ kind: 'answer', status, headers: { 'x-echo': 'x' }, body: JSON.stringify({ headers, path }) });
      said.push(await deliver());
    }
    server().always({ kind: 'reset', when: 'at-once' });
    said.push(await deliver(), sink());
    expect(said.map(shown).join('\n')).not.toContain(canary);
  });

  it('calls loopback only where it is allowed: not at load, and not at a call', async () => {
    const { problems, sink: guarded } = bench.openUnchecked({});
    expect(problems).toHaveLength(1);
    const outcomes = await outcomesFor(guarded, [recent()], new AbortController().signal);
    expect(outcomes).toMatchObject([{ kind: 'parked', cause: 'refused' }]);
    expect(await guarded.probe?.(new AbortController().signal)).not.toBe(true);
    expect(server().requests).toHaveLength(0);
    await guarded.close?.();
  });

  it('sends the same on every attempt', async () => {
    const read = http.withoutClock ?? (({ path, body }: ServedRequest) => [path, body.toString()]);
    for (const age of [0, 3 * 86_400_000]) {
      server().clear();
      const delivery = recent(age);
      await deliver([delivery]);
      bench.tick(3_600_000);
      await deliver([{ ...delivery, attempt: 2 }]);
      const [first, second] = server().requests.map(read);
      expect(second).toEqual(first);
    }
  });
}

async function outcomesFor(sink: Sink, batch: readonly Delivery[], signal: AbortSignal): Promise<readonly Outcome[]> {
  const outcomes = await sink.deliver(batch, signal);
  if (!isList(outcomes)) return batch.map(() => outcomes);
  expect(outcomes).toHaveLength(batch.length);
  return outcomes;
}

function isList(outcomes: Outcome | readonly Outcome[]): outcomes is readonly Outcome[] {
  return Array.isArray(outcomes);
}

function kindsOf(outcomes: readonly Outcome[]): readonly string[] {
  return outcomes.map(({ kind }) => kind);
}

/** Of an alert that is so many milliseconds old. */
function recent(age = 60_000): Delivery {
  return sampleDelivery({ alert: sampleAlert({ time: new Date(startedAt - age).toISOString() }) });
}

function deliveries(count: number): readonly Delivery[] {
  const { alert, ...delivery } = recent();
  return Array.from({ length: count }, (_, index) => {
    const id = `${alert.id.slice(0, -4)}${String(index).padStart(4, '0')}`;
    return { ...delivery, id: `${id}/under-test`, alert: { ...alert, id } };
  });
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen);
  return value;
}

/** Every way in which a value may come to light. */
function shown(value: unknown): string {
  return `${inspect(value, { depth: 10, showHidden: true })}\n${JSON.stringify(value)}`;
}

type FakeTimers = Extract<Parameters<typeof jest.useFakeTimers>[0], { readonly doNotFake?: unknown }>;
type Fakeable = NonNullable<FakeTimers['doNotFake']>[number];

function allBut(...faked: readonly Fakeable[]): Fakeable[] {
  const all: readonly Fakeable[] = [
    ...(['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
    ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
  ];
  return all.filter((name) => !faked.includes(name));
}
