import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Database from 'better-sqlite3';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSafeSqlite, openDatabase } from './schema.js';

describe("a journal's database", () => {
  let folder: string;
  let path: string;
  let opened: Database.Database[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'signalbox-schema-'));
    path = join(folder, 'new', 'folder', 'journal.db');
    opened = [];
  });

  afterEach(() => {
    for (const db of opened) db.close();
    rmSync(folder, { recursive: true });
  });

  const open = (at = path): Database.Database => {
    const db = openDatabase(at);
    opened.push(db);
    return db;
  };

  it('is made with its folder, for nobody else to read', () => {
    open();
    expect(statSync(join(folder, 'new')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'new', 'folder')).mode & 0o777).toBe(0o700);
    for (const file of [path, `${path}-wal`, `${path}.pid`]) expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('is opened so that each transaction is synced, and nothing clever is done', () => {
    const db = open();
    const pragma = (name: string): unknown => db.pragma(name, { simple: true });
    expect(pragma('journal_mode')).toBe('wal');
    expect(pragma('synchronous')).toBe(2);
    expect(pragma('mmap_size')).toBe(0);
    expect(pragma('trusted_schema')).toBe(0);
    expect(pragma('integrity_check')).toBe('ok');
  });

  it('is left as it is when it is opened again', () => {
    const db = open();
    db.exec("INSERT INTO sinks (name) VALUES ('pager')");
    db.close();
    expect(open().prepare('SELECT name FROM sinks').pluck().all()).toEqual(['pager']);
  });

  it('written by a newer router is refused, and not touched', () => {
    const newer = open();
    newer.pragma('user_version = 99');
    newer.close();
    expect(() => open()).toThrow(/written by a newer router \(version 99/);
    expect(new Database(path).pragma('user_version', { simple: true })).toBe(99);
  });

  it('of somebody else is refused, and not touched', () => {
    const foreign = join(folder, 'foreign.db');
    const db = new Database(foreign);
    db.exec('CREATE TABLE alerts (x)');
    db.close();
    expect(() => open(foreign)).toThrow('no journal of this router');
    expect(new Database(foreign).prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['alerts']);
  });

  it('that is none says so', () => {
    const text = join(folder, 'text.db');
    writeFileSync(text, 'this is no database '.repeat(100));
    expect(() => open(text)).toThrow('SQLITE_NOTADB');
  });

  it('whose migration failed half way is as it was before', () => {
    const obstacle = join(folder, 'obstacle.db');
    const db = new Database(obstacle);
    db.exec('CREATE TABLE settled (x)');
    db.pragma('application_id = 0x53424f58');
    db.close();
    expect(() => open(obstacle)).toThrow('already exists');
    const after = new Database(obstacle);
    expect(after.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['settled']);
    expect(after.pragma('user_version', { simple: true })).toBe(0);
  });

  it('that cannot be written is refused', () => {
    open().close();
    if (process.getuid?.() === 0) {
      // No mode stops root: a folder in place of the file does.
      expect(() => open(folder)).toThrow('SQLITE_CANTOPEN');
      return;
    }
    chmodSync(path, 0o400);
    expect(() => open()).toThrow(/SQLITE_(READONLY|CANTOPEN)/);
  });
});

describe('a version of SQLite', () => {
  it.each(['3.51.3', '3.51.10', '3.53.2', '3.60.0', '4.0.0'])('%s is safe', (version) => {
    expect(isSafeSqlite(version)).toBe(true);
  });

  it.each(['3.7.0', '3.45.1', '3.51.2', '3.52.0', '2.8.17'])('%s is not', (version) => {
    expect(isSafeSqlite(version)).toBe(false);
  });
});
