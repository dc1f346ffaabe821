import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort } from '../../support/free-port.js';
import { passTo, startFront, type Front } from './front.js';
import { linux, root, type Need } from './needs.js';

const debian = '/usr/lib/postgresql';
const account = 'postgres';
const withinMs = 20_000;

/** The programs of the newest PostgreSQL that Debian installed; the one from npm has no `pg_basebackup`. */
function programs(): string | undefined {
  if (!existsSync(debian)) return undefined;
  const [newest = ''] = readdirSync(debian).sort((a, b) => Number(b) - Number(a));
  const bin = join(debian, newest, 'bin');
  return existsSync(join(bin, 'pg_basebackup')) ? bin : undefined;
}

const installed: Need = () => (programs() === undefined ? "needs Debian's package postgresql" : undefined);

/** Root, since the servers must not be: they run as Debian's user `postgres`. */
export const replicaNeeds: readonly Need[] = [linux, root, installed];

type Name = 'primary' | 'standby';

/** A primary and a streaming standby of it, on loopback, with a link between them that can be cut. */
export class ReplicatedPostgres {
  readonly version: string;
  readonly #servers: ChildProcess[] = [];

  private constructor(
    private readonly bin: string,
    private readonly folder: string,
    readonly primaryPort: number,
    readonly standbyPort: number,
    private readonly link: Front,
  ) {
    this.version = execFileSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' }).trim();
  }

  /** Makes both in a folder. `isSynchronous`: a COMMIT waits for the standby. */
  static async start(folder: string, isSynchronous: boolean): Promise<ReplicatedPostgres> {
    const place = join(folder, 'replicated');
    mkdirSync(place);
    const { uid, gid } = accountOf();
    chownSync(place, uid, gid);
    // The folder of a scene is its owner's alone, and the servers run as somebody else.
    chmodSync(folder, 0o711);
    const primaryPort = await freePort();
    const link = await startFront(passTo(primaryPort));
    const pair = new ReplicatedPostgres(programs() ?? '', place, primaryPort, await freePort(), link);
    await pair.#run(`initdb -D ${pair.#data('primary')} -U ${account} -A trust --no-sync -E UTF8 --locale=C`);
    await pair.#serve('primary', primaryPort);
    const from = `-h 127.0.0.1 -p ${String(link.port)} -U ${account}`;
    await pair.#run(`pg_basebackup -D ${pair.#data('standby')} -R -X stream ${from}`);
    await pair.#serve('standby', pair.standbyPort);
    if (isSynchronous) await pair.#ask("ALTER SYSTEM SET synchronous_standby_names = '*'");
    await pair.#ask('SELECT pg_reload_conf()');
    await pair.#until(async () => {
      const [standby] = await pair.#ask('SELECT sync_state FROM pg_stat_replication');
      return standby?.['sync_state'] === (isSynchronous ? 'sync' : 'async');
    });
    return pair;
  }

  /** The URL of whichever is at the port. */
  url(port: number): string {
    return `postgres://${account}@127.0.0.1:${String(port)}/postgres`;
  }

  /** From now on the standby gets nothing more. */
  cutLink(): Promise<void> {
    return this.link.close();
  }

  /** As the loss of its machine: every process of it, by its id. */
  killPrimary(): void {
    const postmaster = Number(readFileSync(join(this.#data('primary'), 'postmaster.pid'), 'utf8').split('\n')[0]);
    const children = readFileSync(`/proc/${String(postmaster)}/task/${String(postmaster)}/children`, 'utf8');
    for (const pid of [postmaster, ...children.trim().split(' ').map(Number)]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It had ended by itself.
      }
    }
  }

  /** Makes the standby the primary; resolves when it takes writes. */
  async promote(): Promise<void> {
    await this.#run(`pg_ctl promote -w -D ${this.#data('standby')}`);
  }

  async stop(): Promise<void> {
    await this.link.close();
    for (const server of this.#servers) {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      if (server.exitCode === null && server.signalCode === null && server.kill('SIGQUIT')) await ended;
    }
  }

  #data(name: Name): string {
    return join(this.folder, name);
  }

  /** A program and its arguments, none of which has a space in it. */
  async #run(line: string): Promise<void> {
    const [program = '', ...args] = line.split(' ');
    await promisify(execFile)(join(this.bin, program), args, { ...accountOf(), cwd: this.folder });
  }

  async #serve(name: Name, port: number): Promise<void> {
    const settings = `-h 127.0.0.1 -p ${String(port)} -k ${this.folder}`.split(' ');
    const server = spawn(join(this.bin, 'postgres'), ['-D', this.#data(name), ...settings], {
      ...accountOf(),
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#servers.push(server);
    let said = '';
    server.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await this.#until(async () => {
      if (server.exitCode !== null) throw new Error(`the ${name} ended: ${said}`);
      return (await this.#ask('SELECT 1', port)).length > 0;
    });
  }

  /** Nothing where it cannot be asked. */
  async #ask(text: string, port = this.primaryPort): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const client = new pg.Client({ connectionString: this.url(port), connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Record<string, unknown>>(text)).rows;
    } catch {
      return [];
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  async #until(holds: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + withinMs;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`PostgreSQL: not within ${String(withinMs)} ms`);
      await sleep(100);
    }
  }
}

function accountOf(): { readonly uid: number; readonly gid: number } {
  const idOf = (flag: '-u' | '-g'): number => Number(execFileSync('id', [flag, account], { encoding: 'utf8' }));
  return { uid: idOf('-u'), gid: idOf('-g') };
}
