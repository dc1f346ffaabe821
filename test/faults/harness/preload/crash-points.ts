import { subscribe } from 'node:diagnostics_channel';
import { ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import type BetterSqlite3 from 'better-sqlite3';
import type { sinks as Sinks } from '../../../../src/sinks/index.js';
import type { Store as StoreClass } from '../../../../src/journal/sqlite/store.js';
import type { WriterThread as WriterThreadClass } from '../../../../src/journal/sqlite/thread.js';

/*
 * Kill points. Node loads this file before the router's own, into its process and into its writer's thread; it wraps
 * what the built modules export. So what is shipped has neither a branch nor a name of it.
 *
 * SIGNALBOX_CRASH_AT=name[:nth] ends the process with SIGKILL when it comes to that point for the nth time:
 *   migrating     a step of the schema done; the transaction around all steps not committed
 *   parsed        read, identified and routed; not handed to the journal
 *   inserted      in the database; the transaction not committed
 *   fsynced       committed and synced; not answered
 *   answered      the 2xx written
 *   claimed       leased; the sink not called
 *   request_sent  the sink's request written; its answer not read
 *   sink_ok       the sink said yes; not settled
 */

const [point = '', nth = '1'] = (process.env['SIGNALBOX_CRASH_AT'] ?? '').split(':');
const dist = process.env['SIGNALBOX_TEST_DIST'] ?? '';
let left = Number(nth);

function reach(name: string): void {
  if (name !== point) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
}

const require = createRequire(dist);
const load = async <T>(file: string): Promise<T> => (await import(new URL(file, dist).href)) as T;

async function wrapMainThread(): Promise<void> {
  // The options' decorators note types where this is loaded, and it has to be there before they run.
  require('reflect-metadata');
  const { WriterThread } = await load<{ WriterThread: typeof WriterThreadClass }>('journal/sqlite/thread.js');
  wrap(WriterThread.prototype, 'append', (append) => (requests) => {
    reach('parsed');
    return append(requests);
  });

  wrap(ServerResponse.prototype as ServerResponse, 'end', (end, response) => {
    const isOfWebhook = response.statusCode === 202 && response.req.method === 'POST';
    if (isOfWebhook)
      response.once('finish', () => {
        reach('answered');
      });
    return end;
  });

  subscribe('undici:request:bodySent', (message) => {
    const { request } = message as { readonly request: { readonly method: string } };
    if (request.method === 'POST') reach('request_sent');
  });

  const { sinks } = await load<{ sinks: typeof Sinks }>('sinks/index.js');
  for (const plugin of sinks as readonly { open(...args: unknown[]): { deliver(...args: unknown[]): unknown } }[]) {
    wrap(plugin, 'open', (open) => (...args) => {
      const sink = open(...args);
      wrap(sink, 'deliver', (deliver) => async (...call) => {
        reach('claimed');
        const outcome = await deliver(...call);
        if (JSON.stringify(outcome).includes('"delivered"')) reach('sink_ok');
        return outcome;
      });
      return sink;
    });
  }
}

async function wrapWriterThread(): Promise<void> {
  let hasAppended = false;
  const { Store } = await load<{ Store: typeof StoreClass }>('journal/sqlite/store.js');
  wrap(Store.prototype, 'append', (append) => (requests) => {
    hasAppended = true;
    return append(requests);
  });
  const Database = require('better-sqlite3') as typeof BetterSqlite3;
  const prototype = Database.prototype as { inTransaction: boolean } & {
    prepare(sql: string): { run(): unknown };
    exec(sql: string): unknown;
  };
  wrap(prototype, 'exec', (exec, db) => (sql) => {
    const result = exec(sql);
    if (db.inTransaction) reach('migrating');
    return result;
  });
  wrap(prototype, 'prepare', (prepare) => (sql) => {
    const statement = prepare(sql);
    if (sql !== 'COMMIT') return statement;
    wrap(statement, 'run', (run) => () => {
      if (hasAppended) reach('inserted');
      const result = run();
      if (hasAppended) reach('fsynced');
      hasAppended = false;
      return result;
    });
    return statement;
  });
}

/** Puts `around(the method, its object)` in the place of a method; both are called with that object as `this`. */
function wrap<T extends object, K extends keyof T>(owner: T, name: K, around: (method: T[K], self: T) => T[K]): void {
  const original = owner[name] as unknown as (...args: unknown[]) => unknown;
  const replacement = function (this: T, ...args: unknown[]): unknown {
    const bound = original.bind(this) as unknown as T[K];
    return (around(bound, this) as unknown as (...args: unknown[]) => unknown).call(this, ...args);
  };
  Object.defineProperty(owner, name, { value: replacement, writable: true, configurable: true });
}

if (point !== '') await (isMainThread ? wrapMainThread() : wrapWriterThread());
