import { startScriptedServer, type Reply, type ScriptedServer } from '../../support/scripted-server.js';
import { alertOf, type Report } from './report.js';

/** What the router asked: a page, from 1, of what was created since a time in milliseconds. */
export type Asked = { readonly from: number; readonly page: number; readonly token: string; readonly at: number };

type Kept = Readonly<Record<string, unknown>> & { readonly created_at: number };

const perPage = 10;

/** A vendor's API, which lists what it has, oldest first, and can be told to do otherwise. */
export class FakeApi {
  readonly asked: Asked[] = [];
  /** Its only valid credential. */
  token = 'SEKRET_api';
  /** Answers in its place, where it returns something. */
  instead: ((asked: Asked) => Reply | undefined) | undefined;
  #kept: readonly Kept[] = [];

  private constructor(private readonly server: ScriptedServer) {}

  static async start(): Promise<FakeApi> {
    const server = await startScriptedServer((request) => {
      const url = new URL(request.path, 'http://fake-api');
      const [from, page] = [Number(url.searchParams.get('from')), Number(url.searchParams.get('page'))];
      const token = (request.headers.authorization ?? '').replace('Bearer ', '');
      return api.#answer({ from, page, token, at: request.at });
    });
    const api: FakeApi = new FakeApi(server);
    return api;
  }

  get url(): string {
    return this.server.url;
  }

  /** From now on it has these, too, in order; created `agoMs` milliseconds ago. */
  has(reports: readonly Report[], agoMs = 0): void {
    const at = Date.now() - agoMs;
    const more = reports.map((report, index) => ({ ...alertOf(report), created_at: at + index }));
    this.#kept = [...this.#kept, ...more].sort((a, b) => a.created_at - b.created_at);
  }

  /** As it answers unless told otherwise; `but` changes which alerts it lists. */
  page({ from, page }: Asked, but: (alerts: readonly Kept[]) => readonly Kept[] = (alerts) => alerts): Reply {
    const listed = but(this.#kept.filter((alert) => alert.created_at >= from));
    const end = page * perPage;
    const totals: Record<string, number> = {};
    for (const { created_at: at } of this.#kept) {
      const day = new Date(at).toISOString().slice(0, '2026-03-01'.length);
      totals[day] = (totals[day] ?? 0) + 1;
    }
    const answer = { alerts: listed.slice(end - perPage, end), more: listed.length > end, totals };
    return { status: 200, body: JSON.stringify(answer) };
  }

  close(): Promise<void> {
    return this.server.close();
  }

  #answer(asked: Asked): Reply {
    this.asked.push(asked);
    if (asked.token !== this.token) return { status: 401 };
    return this.instead?.(asked) ?? this.page(asked);
  }
}
