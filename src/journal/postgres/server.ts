import ipaddr from 'ipaddr.js';
import { lookup } from 'node:dns/promises';
import type { ClientBase, ClientConfig } from 'pg';
import { JournalUnavailableError } from '../../core/errors.js';
import { noName } from '../../core/instance.js';
import type { JournalContext } from '../../core/journal.js';
import { clock, type Joined } from './database.js';
import type { PostgresOptions } from './options.js';
import { decode, encode } from './rows.js';
import { migrate } from './schema.js';

const nearby: ReadonlySet<string> = new Set(['loopback', 'private', 'uniqueLocal', 'linkLocal']);

/** What the driver is told. TLS is verified against the system's certificates and NODE_EXTRA_CA_CERTS. */
export function connectionOf({ url, ssl }: PostgresOptions): ClientConfig {
  const target = new URL(url.reveal());
  // Would win over what the config says.
  target.searchParams.delete('sslmode');
  return { connectionString: target.href, ssl: ssl ? { rejectUnauthorized: true } : false };
}

/** Rejects for a server without TLS that is somewhere else than on loopback or in a private network. */
export async function refuseFarAway({ url, ssl }: PostgresOptions): Promise<void> {
  if (ssl) return;
  const host = new URL(url.reveal()).hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = await lookup(host, { all: true }).catch((cause: unknown) => {
    throw new JournalUnavailableError(`PostgreSQL: the name ${host} could not be looked up`, false, { cause });
  });
  const far = addresses.find(({ address }) => !nearby.has(ipaddr.process(address).range()));
  if (!far) return;
  throw new JournalUnavailableError(
    `PostgreSQL at ${host} (${far.address}) is neither on loopback nor in a private network: passwords and alerts ` +
      'would go over the open network. Take ssl: false out.',
    true,
  );
}

/**
 * What each connection is asked: rejects for a server that answers before it has written. Where that is accepted,
 * `onWarning` is told, once.
 */
export function prover(
  { acceptWeakDurability }: PostgresOptions,
  onWarning: JournalContext['onWarning'],
): (client: ClientBase) => Promise<void> {
  let isTold = false;
  return async (client) => {
    const weak = await weaknessOf(client);
    if (weak === undefined) return;
    const what = `The PostgreSQL server has ${weak}: what was answered 202 could be lost in a crash of it.`;
    if (!acceptWeakDurability) {
      const how = 'Switch it on, or write acceptWeakDurability: true to accept that.';
      throw new JournalUnavailableError(`${what} ${how}`, true);
    }
    if (!isTold) onWarning?.(what);
    isTold = true;
  };
}

async function weaknessOf(client: ClientBase): Promise<string | undefined> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT name FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit') AND setting = 'off' ORDER BY name",
  );
  return rows.length === 0 ? undefined : rows.map(({ name }) => `${name} = off`).join(' and ');
}

/** Makes or migrates the tables, and says by how much the database's clock is ahead of `now`, in milliseconds. */
export async function prepare(client: ClientBase, now: () => number): Promise<number> {
  await migrate(client);
  const { rows } = await client.query<{ now: number }>(`SELECT ${clock} AS now`);
  return (rows[0]?.now ?? now()) - now();
}

/** The first thing that a router does with a database: it prepares it, and gets a number. */
export async function join(
  client: ClientBase,
  { now, instance: { name, version } = noName }: JournalContext,
): Promise<Joined> {
  const offsetMs = await prepare(client, now);
  const { rows } = await client.query<{ number: number }>(
    `INSERT INTO instances (name, version, started_at, seen_at) VALUES ($1, $2, ${clock}, ${clock}) RETURNING number`,
    [encode(name), encode(version)],
  );
  const instance = rows[0]?.number ?? 0;
  // Only now: whoever begins to move a journal into it looks for routers first.
  const { rows: moves } = await client.query<{ source: string }>('SELECT source FROM moves WHERE finished_at IS NULL');
  if (!moves[0]) return { instance, offsetMs };
  await client.query('DELETE FROM instances WHERE number = $1', [instance]);
  throw new JournalUnavailableError(
    `The journal ${decode(moves[0].source)} is being moved into the database. Let signalbox migrate sqlite-to-postgres ` +
      'finish first.',
    true,
  );
}
