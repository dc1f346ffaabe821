import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';
import type BetterSqlite3 from 'better-sqlite3';
import type { migrations as Migrations } from '../../../../src/journal/sqlite/schema.js';

/*
 * Another SQLite, or another schema, than the router was built with, by SIGNALBOX_SQLITE:
 *   old           it says that it is 3.51.2, which can corrupt a database
 *   careless      it does not take `synchronous = FULL`
 *   lazy          it takes it, proves it, and then syncs only at checkpoints after all
 *   newer-schema  the router is a later one, whose schema has a step more
 */

const fault = process.env['SIGNALBOX_SQLITE'];
const dist = process.env['SIGNALBOX_TEST_DIST'] ?? '';

async function change(): Promise<void> {
  const Database = createRequire(dist)('better-sqlite3') as typeof BetterSqlite3;
  const prototype = Database.prototype as {
    prepare: (this: unknown, sql: string) => unknown;
    pragma: (this: unknown, text: string, options?: object) => unknown;
  };
  const { prepare, pragma } = prototype;
  switch (fault) {
    case 'old':
      prototype.prepare = function (sql) {
        return prepare.call(this, sql === 'SELECT sqlite_version()' ? "SELECT '3.51.2'" : sql);
      };
      return;
    case 'careless':
      prototype.pragma = function (text, options) {
        return pragma.call(this, text === 'synchronous = FULL' ? 'synchronous = NORMAL' : text, options);
      };
      return;
    case 'lazy':
      prototype.pragma = function (text, options) {
        const value = pragma.call(this, text, options);
        if (text === 'synchronous') pragma.call(this, 'synchronous = NORMAL');
        return value;
      };
      return;
    case 'newer-schema': {
      const { migrations } = (await import(new URL('journal/sqlite/schema.js', dist).href)) as {
        migrations: typeof Migrations;
      };
      (migrations as string[]).push('CREATE TABLE of_the_future (x)');
    }
  }
}

if (!isMainThread && fault !== undefined) await change();
