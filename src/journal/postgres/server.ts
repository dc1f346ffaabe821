import ipaddr from 'ipaddr.js';
import { lookup } from 'node:dns/promises';
import type { ClientConfig } from 'pg';
import { JournalUnavailableError } from '../../core/errors.js';
import type { Database } from './database.js';
import type { PostgresOptions } from './options.js';

const nearby: ReadonlySet<string> = new Set(['loopback', 'private', 'uniqueLocal', 'linkLocal']);

/**
 * What the driver is told. TLS is verified against the system's certificates and NODE_EXTRA_CA_CERTS. Throws
 * `JournalUnavailableError` for a server without TLS that is somewhere else than on loopback or in a private network.
 */
export async function connectionOf({ url, ssl }: PostgresOptions): Promise<ClientConfig> {
  const target = new URL(url.reveal());
  // Would win over what the config says.
  target.searchParams.delete('sslmode');
  if (!ssl) await refuseFarAway(target.hostname.replace(/^\[(.*)\]$/, '$1'));
  return { connectionString: target.href, ssl: ssl ? { rejectUnauthorized: true } : false };
}

async function refuseFarAway(hostname: string): Promise<void> {
  const addresses = await lookup(hostname, { all: true }).catch((cause: unknown) => {
    throw new JournalUnavailableError(`PostgreSQL: the name ${hostname} could not be looked up`, false, { cause });
  });
  const far = addresses.find(({ address }) => !nearby.has(ipaddr.process(address).range()));
  if (!far) return;
  throw new JournalUnavailableError(
    `PostgreSQL at ${hostname} (${far.address}) is neither on loopback nor in a private network: passwords and alerts ` +
      'would go over the open network. Take ssl: false out.',
    true,
  );
}

/** Refuses a server that answers before it has written, unless told to accept that. */
export async function refuseWeakDurability(
  database: Database,
  { acceptWeakDurability }: PostgresOptions,
): Promise<void> {
  const rows = await database.query<{ name: string; setting: string }>(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit')",
  );
  const weak = rows.filter(({ setting }) => setting === 'off').map(({ name }) => `${name} = off`);
  if (weak.length === 0 || acceptWeakDurability) return;
  throw new JournalUnavailableError(
    `The PostgreSQL server has ${weak.join(' and ')}: what was answered 202 could be lost in a crash of it. ` +
      'Switch it on, or write acceptWeakDurability: true to accept that.',
    true,
  );
}
