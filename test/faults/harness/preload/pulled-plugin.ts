import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import type {
  PulledPage,
  PullError as PullErrorClass,
  PullFailure,
  PullFrom,
  SourcePlugin,
} from '../../../../src/core/source.js';
import type * as SourceOptionsFile from '../../../../src/kit/source-options.js';

/*
 * With SIGNALBOX_PULLED_PLUGIN the router knows a source of `type: pulled` more: Threat Stack's, which asks the API of
 * fake-api.ts besides. It lists what was created since a time, page by page; its cursor says where in such a list it is,
 * or up to when it has seen all.
 */

const dist = process.env['SIGNALBOX_TEST_DIST'] ?? '';
const load = async <T>(file: string): Promise<T> => (await import(new URL(file, dist).href)) as T;

type Api = { readonly url: string; readonly token: string };
type Cursor = { readonly seen: number; readonly from?: number; readonly page?: number };
type Listed = {
  readonly alerts: readonly { readonly created_at: number }[];
  readonly more: boolean;
  readonly totals?: Readonly<Record<string, number>>;
};

async function add(): Promise<void> {
  // The options' decorators note types where this is loaded, and it has to be there before they run.
  const require = createRequire(dist);
  require('reflect-metadata');
  const { IsOptional } = await load<{ IsOptional: () => PropertyDecorator }>(require.resolve('class-validator'));
  const { sources } = await load<{ sources: SourcePlugin[] }>('sources/index.js');
  const { ApiSourceOptions } = await load<typeof SourceOptionsFile>('kit/source-options.js');
  const { PullError } = await load<{ PullError: typeof PullErrorClass }>('core/source.js');
  const threatstack = sources.find(({ type }) => type === 'threatstack');
  if (!threatstack) throw new Error('there is no source of type threatstack');

  class Options extends ApiSourceOptions {
    api?: Api;
  }
  IsOptional()(Options.prototype, 'api');

  async function list({ url, token }: Api, from: number, page: number, signal: AbortSignal): Promise<Listed> {
    const refuse = (failure: PullFailure): never => {
      throw new PullError(failure);
    };
    const answer = await fetch(`${url}/alerts?from=${String(from)}&page=${String(page)}`, {
      headers: { authorization: `Bearer ${token}` },
      signal,
    });
    const reason = `status ${String(answer.status)}`;
    if (answer.status === 401 || answer.status === 403) refuse({ kind: 'parked', reason });
    if (answer.status === 410) refuse({ kind: 'lost', reason });
    const afterMs = 1_000 * Number(answer.headers.get('retry-after') ?? 0);
    if (!answer.ok) refuse({ kind: 'retry', reason, afterMs });
    return (await answer.json()) as Listed;
  }

  async function* pull(api: Api, overlap: number, at: PullFrom, signal: AbortSignal): AsyncGenerator<PulledPage> {
    const cursor: Cursor = at.cursor === undefined ? { seen: at.since } : (JSON.parse(at.cursor) as Cursor);
    const from = cursor.from ?? (at.cursor === undefined ? at.since : cursor.seen - overlap);
    let { seen } = cursor;
    for (let page = cursor.page ?? 1; ; page += 1) {
      const { alerts, more, totals } = await list(api, from, page, signal);
      seen = Math.max(seen, ...alerts.map((alert) => alert.created_at));
      const next: Cursor = more ? { seen, from, page: page + 1 } : { seen };
      yield {
        body: Buffer.from(JSON.stringify({ alerts })),
        contentType: 'application/json',
        cursor: JSON.stringify(next),
        isLast: !more,
        ...(totals && { totals }),
      };
      if (!more) return;
    }
  }

  sources.push({
    ...threatstack,
    type: 'pulled',
    options: Options,
    open: (options, context) => {
      const { api, pull: settings, ...webhook } = options as Options;
      const source = threatstack.open(Object.assign(new threatstack.options(), webhook), context);
      if (!api || !settings) return source;
      return { ...source, pull: (from, signal) => pull(api, settings.overlap, from, signal) };
    },
  });
}

if (isMainThread && process.env['SIGNALBOX_PULLED_PLUGIN'] !== undefined) await add();
