import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ledger } from '../../../src/core/ledger.js';
import type { RouterProcess } from '../../support/router-process.js';
import type { FakeSink, Received } from './fake-sink.js';
import type { Acked, LedgerClient } from './ledger-client.js';
import type { Report } from './report.js';

/** What the invariant counted, for a case that has bounds of its own. */
export type Account = {
  readonly acked: number;
  /** By sink: reports taken, and how many of the takings were repetitions. */
  readonly sinks: Readonly<
    Record<string, { readonly received: number; readonly duplicates: number; readonly dead: number }>
  >;
  /** The most memory the last start of a router ever had, in bytes; 0 where the system does not tell. */
  readonly peakBytes: number;
};

export type InvariantOptions = {
  /** How long the backlog may take to empty. */
  readonly idleWithinMs?: number;
  readonly maxPeakBytes?: number;
  /** The sinks that every accepted alert is routed to; all, unless told. */
  readonly complete?: readonly string[];
};

/** Who took part. Where several routers share a journal, one of them tells for all. */
export type Actors = {
  readonly router: RouterProcess;
  readonly others?: readonly RouterProcess[];
  readonly client: LedgerClient;
  readonly sinks: readonly FakeSink[];
};

type SinkView = { readonly state: string; readonly backlog: number };
type DeadLetter = { readonly alertId: string; readonly sink: string };
type Page<T> = { readonly items: readonly T[]; readonly next?: string };

const idleWithinMs = 60_000;
const maxPeakBytes = 400_000_000;
/** What Node prints for an error that nobody handled, and what it prints last when that ended it. */
const unhandled = /unhandledRejection|UnhandledPromiseRejection|uncaughtException|^Node\.js v\d/m;

/**
 * I0, what holds after every fault once it is healed and the backlog is empty: nothing that was answered 2xx is missing,
 * nothing was made up, the reports of one finding came in the order they were accepted in, the router answers, it has no
 * error that nobody handled, its memory stayed bounded, and its own account agrees. Throws with all that does not hold.
 */
export async function checkInvariant(
  { router, others = [], client, sinks }: Actors,
  options: InvariantOptions = {},
): Promise<Account> {
  await idle(router, options.idleWithinMs ?? idleWithinMs);
  const dead = await deadLetters(router);
  const acked = client.acked();
  const sent = new Set(client.sent().map(({ name }) => name));
  const peakBytes = Math.max(...[router, ...others].map(({ pid }) => peakOf(pid)));
  const broken: string[] = [];
  const complain = (what: string, names: readonly string[]): void => {
    if (names.length > 0) broken.push(`${what}: ${String(names.length)}, e.g. ${names.slice(0, 5).join(', ')}`);
  };

  const counted: Record<string, Account['sinks'][string]> = {};
  for (const sink of sinks) {
    const received = sink.received();
    const names = new Set(received.map(({ name }) => name));
    const given = new Set(dead.filter((letter) => letter.sink === sink.name).map(({ alertId }) => alertId));
    if (options.complete?.includes(sink.name) ?? true) {
      const lost = acked.filter(({ name, id }) => !names.has(name) && !given.has(id));
      complain(
        `accepted and never at ${sink.name}`,
        lost.map(({ name }) => name),
      );
    }
    complain(
      `at ${sink.name} and never sent`,
      [...names].filter((name) => !sent.has(name)),
    );
    complain(`at ${sink.name} out of order`, outOfOrder(acked, received));
    counted[sink.name] = { received: names.size, duplicates: received.length - names.size, dead: given.size };
  }

  for (const { ingest, output } of [router, ...others]) {
    const health = await fetch(`${ingest}/healthz`).catch(() => undefined);
    if (health?.status !== 200) broken.push(`/healthz answers ${String(health?.status)}`);
    const cry = unhandled.exec(output)?.[0];
    if (cry !== undefined) broken.push(`an error that nobody handled (${cry})`);
  }
  if (peakBytes > (options.maxPeakBytes ?? maxPeakBytes)) broken.push(`it had ${String(peakBytes)} bytes of memory`);
  const complete = options.complete ?? sinks.map(({ name }) => name);
  broken.push(...(await imbalance(router, new Set(acked.map(({ name }) => name)).size, complete)));

  if (broken.length > 0) throw new Error(`${broken.join('\n')}\nthe router said:\n${router.output.slice(-8_000)}`);
  return { acked: acked.length, sinks: counted, peakBytes };
}

/** Asks the admin port; throws unless it answers 200. */
export async function askAdmin<T>(router: RouterProcess, path: string): Promise<T> {
  const answer = await fetch(router.admin + path, { headers: router.authorization });
  if (answer.status !== 200) throw new Error(`${path} answers ${String(answer.status)}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

async function idle(router: RouterProcess, withinMs: number): Promise<void> {
  let seen = 'nothing';
  const end = performance.now() + withinMs;
  while (performance.now() < end) {
    try {
      const { items } = await askAdmin<Page<SinkView>>(router, '/api/v1/sinks');
      if (items.every(({ backlog, state }) => backlog === 0 && state !== 'parked')) return;
      seen = JSON.stringify(items);
    } catch (error) {
      seen = String(error);
    }
    await sleep(50);
  }
  throw new Error(`not idle within ${String(withinMs)} ms: ${seen}\nthe router said:\n${router.output.slice(-8_000)}`);
}

async function deadLetters(router: RouterProcess): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  for (let cursor = ''; ;) {
    const page = await askAdmin<Page<DeadLetter>>(router, `/api/v1/dead-letters?limit=100${cursor}`);
    found.push(...page.items);
    if (page.next === undefined) return found;
    cursor = `&cursor=${encodeURIComponent(page.next)}`;
  }
}

/** Findings whose reports were first taken in another order than they were accepted in. */
export function outOfOrder(acked: readonly Acked[], received: readonly Received[]): readonly string[] {
  const accepted = namesByFinding(acked);
  return [...namesByFinding(received)]
    .filter(([finding, names]) => {
      const expected = accepted.get(finding)?.filter((name) => names.includes(name));
      return expected && names.filter((name) => expected.includes(name)).join() !== expected.join();
    })
    .map(([finding]) => finding);
}

function namesByFinding(reports: readonly Report[]): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { finding, name } of reports) {
    const known = names.get(finding) ?? [];
    if (!known.includes(name)) known.push(name);
    names.set(finding, known);
  }
  return names;
}

/** What does not agree in the router's own account. It may have accepted more than it could answer for. */
async function imbalance(
  router: RouterProcess,
  acked: number,
  complete: readonly string[],
): Promise<readonly string[]> {
  const { balanced, totals, numbers, hours } = await askAdmin<Ledger>(router, '/api/v1/ledger');
  const accepted = totals.sources.reduce((sum, source) => sum + source.accepted, 0);
  const wrong = balanced ? [] : [`the ledger does not balance: ${JSON.stringify({ totals, numbers, hours })}`];
  if (accepted < acked) wrong.push(`it says it accepted ${String(accepted)}, and answered for ${String(acked)}`);
  for (const name of complete) {
    const owed = totals.sinks.find(({ sink }) => sink === name)?.owed ?? 0;
    if (owed < acked) wrong.push(`${name} was owed ${String(owed)} alerts, answered for were ${String(acked)}`);
  }
  return wrong;
}

function peakOf(pid: number): number {
  if (process.platform !== 'linux') return 0;
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8')) ?? [];
  return Number(kilobytes ?? 0) * 1_024;
}
