import { join } from 'node:path';
import { startDatadog, type JsonObject } from '../../support/datadog.js';
import {
  startScriptedServer,
  type Reply,
  type ScriptedServer,
  type ServedRequest,
} from '../../support/scripted-server.js';
import { Notebook } from './notebook.js';
import { reportsIn, type Report } from './report.js';

/** A report that a sink took: noted, and synced, before it answers. */
export type Received = Report & { readonly at: number };

export type FakeSinkOptions = {
  /** As in the router's config. */
  readonly name?: string;
  /** What the sink is to the router; `datadog-events` unless told. */
  readonly kind?: 'datadog-events' | 'datadog-logs' | OtherSink;
  /** To come back on the port it had. */
  readonly port?: number;
};

/** A sink of another type: its block in the config, and what it answers (2xx: it took what is in the request). */
export type OtherSink = {
  readonly block: (url: string) => Readonly<Record<string, unknown>>;
  readonly answer: (request: ServedRequest) => Reply;
  /** What is in a request, where that is not plain to see. */
  readonly textOf?: (request: ServedRequest) => string;
};

/** A sink that does as its script says (`server.script`, `server.always`) and writes down what it took. */
export class FakeSink {
  private constructor(
    readonly name: string,
    /** Its block in the router's config. */
    readonly block: Readonly<Record<string, unknown>>,
    readonly server: ScriptedServer,
    private readonly notebook: Notebook<Received>,
  ) {}

  static async start(folder: string, options: FakeSinkOptions = {}): Promise<FakeSink> {
    const { name = 'pager', kind = 'datadog-events', port } = options;
    const notebook = new Notebook<Received>(join(folder, `received-by-${name}.ndjson`));
    const take = (text: string): void => {
      const at = Date.now();
      notebook.note(...reportsIn(text).map((report) => ({ ...report, at })));
    };
    const listen = port === undefined ? {} : { port };
    if (typeof kind === 'object') {
      const server = await startScriptedServer((request) => {
        const reply = kind.answer(request);
        if (reply.status >= 200 && reply.status < 300) take(kind.textOf?.(request) ?? request.body.toString('utf8'));
        return reply;
      }, listen);
      return new FakeSink(name, kind.block(server.url), server, notebook);
    }
    const onAccepted = (_intake: string, body: JsonObject): void => {
      take(JSON.stringify(body));
    };
    const server = await startDatadog({ ...listen, apiKey, onAccepted });
    const intake = kind === 'datadog-logs' ? 'logs' : 'events';
    const block = { type: 'datadog', intake, apiKey, endpoint: server.url, allowCidrs: ['127.0.0.0/8'] };
    return new FakeSink(name, block, server, notebook);
  }

  /** What it took so far, repetitions and all, in order. */
  received(): readonly Received[] {
    return this.notebook.entries();
  }

  async close(): Promise<void> {
    await this.server.close();
    this.notebook.close();
  }
}

const apiKey = 'SEKRET_datadog';
