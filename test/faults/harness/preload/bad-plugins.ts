import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import type { Sink, SinkPlugin } from '../../../../src/core/sink.js';
import type { SourcePlugin } from '../../../../src/core/source.js';
import type { SourceOptions as SourceOptionsClass } from '../../../../src/kit/source-options.js';

/*
 * With SIGNALBOX_BAD_PLUGINS the router knows a source and a sink of `type: bad` more. The sink's name says what its
 * code does with a delivery:
 *   throws    throws at once
 *   rejects   throws after a moment
 *   later     says that it delivered, and throws in a timer that nobody waits for
 *   forgets   says that it delivered, and leaves a rejected promise behind
 *   hangs     does not end for eight seconds, at its first delivery
 * The source throws at every body.
 */

const dist = process.env['SIGNALBOX_TEST_DIST'] ?? '';
const hangMs = 8_000;
const load = async <T>(file: string): Promise<T> => (await import(new URL(file, dist).href)) as T;

function openSink(_: object, { name }: { readonly name: string }): Sink {
  let hasHung = false;
  const misbehave = async (): Promise<void> => {
    switch (name) {
      case 'rejects':
        await new Promise((resolve) => setTimeout(resolve, 10));
        throw new Error('a bad plugin, later');
      case 'later':
        setTimeout(() => {
          throw new Error('a bad plugin, in a timer');
        }, 10);
        return;
      case 'forgets':
        void Promise.reject(new Error('a bad plugin, forgotten'));
        return;
      case 'hangs':
        for (const until = performance.now() + hangMs; !hasHung && performance.now() < until;);
        hasHung = true;
    }
  };
  return {
    maxBatch: 1,
    concurrency: 1,
    keepsState: false,
    deliver() {
      if (name === 'throws') throw new Error('a bad plugin, at once');
      return misbehave().then(() => ({ kind: 'delivered' }));
    },
  };
}

async function add(): Promise<void> {
  // The options' decorators note types where this is loaded, and it has to be there before they run.
  createRequire(dist)('reflect-metadata');
  const { sinks } = await load<{ sinks: SinkPlugin[] }>('sinks/index.js');
  const { sources } = await load<{ sources: SourcePlugin[] }>('sources/index.js');
  const { SourceOptions } = await load<{ SourceOptions: typeof SourceOptionsClass }>('kit/source-options.js');
  sinks.push({ type: 'bad', options: Object, open: openSink });
  sources.push({
    type: 'bad',
    vendor: 'bad',
    product: 'Bad',
    options: SourceOptions,
    open: () => ({
      authenticate: () => ({ ok: true, method: 'none' }),
      read: () => {
        throw new Error('a bad plugin, reading');
      },
    }),
  });
}

if (isMainThread && process.env['SIGNALBOX_BAD_PLUGINS'] !== undefined) await add();
