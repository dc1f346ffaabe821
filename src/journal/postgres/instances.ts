import type { Instance } from '../../core/instance.js';
import { clock, type Database } from './database.js';
import { beginUnsynced } from './deliveries.js';
import { decode } from './rows.js';
import type { Tables } from './tables.js';

const everyMs = 10_000;
/** A router that ends does not wait longer for a database to hear of it. */
const lastWordMs = 1_000;
const shownForMs = 7 * 86_400_000;
const mostShown = 100;

/** Of the router with number `$1`. */
export const signOfLife = `UPDATE instances SET seen_at = ${clock} WHERE number = $1`;

/** A router's signs of life, from now on until it ends. */
export class Signs {
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly database: Database) {
    this.#timer = setInterval(() => void this.#say(signOfLife), everyMs).unref();
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<void>((resolve) => (timer = setTimeout(resolve, lastWordMs)));
    const lastWord = this.#say(`UPDATE instances SET seen_at = ${clock}, ended_at = ${clock} WHERE number = $1`);
    await Promise.race([lastWord, silence]);
    clearTimeout(timer);
  }

  /** Nobody waits for the disk; and a database that cannot be reached tells of it at every other call. */
  async #say(text: string): Promise<void> {
    const { database } = this;
    if (database.instance === 0) return;
    await database.transaction(({ query }) => query(text, [database.instance]), beginUnsynced).catch(() => undefined);
  }
}

export async function instances({ database }: Tables): Promise<readonly Instance[]> {
  const rows = await database.query<{
    number: number;
    name: string;
    version: string;
    started_at: number;
    seen_at: number;
    ended_at: number | null;
    claims: number;
  }>(
    `SELECT number, name, version, started_at, seen_at, ended_at, coalesce(c.claims, 0)::bigint AS claims
     FROM instances LEFT JOIN (
       SELECT instance, count(*) AS claims FROM owed
       WHERE is_head AND due_at > 0 AND due_at > ${clock} AND token > 0 GROUP BY instance
     ) AS c ON c.instance = number
     WHERE seen_at > ${clock} - ${String(shownForMs)} ORDER BY seen_at DESC, number DESC LIMIT ${String(mostShown)}`,
  );
  return rows.map(({ number, name, version, started_at: startedAt, seen_at: seenAt, ended_at: endedAt, claims }) => ({
    name: decode(name),
    version: decode(version),
    startedAt: database.toRouterTime(startedAt),
    seenAt: database.toRouterTime(seenAt),
    ...(endedAt !== null && { endedAt: database.toRouterTime(endedAt) }),
    claims,
    ...(number === database.instance && { isSelf: true }),
  }));
}
