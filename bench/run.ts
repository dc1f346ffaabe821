/**
 * What it costs: `npm run bench`. Each server runs in a process of its own and the load in another; every figure is the
 * median of several runs that alternate between what is compared. Prints tables and writes bench/results/latest.json. With
 * names, only those parts: `npm run bench -- accept latency`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { argv, exit, stdout } from 'node:process';
import { fileURLToPath } from 'node:url';
import { acceptRates } from './accept.js';
import { backlogCost } from './backlog.js';
import { decideCost } from './decide.js';
import { answerTimes } from './latency.js';
import { deliveryCost } from './delivery.js';
import { postgresRows } from './postgres-rows.js';
import { postgresCost } from './postgres.js';
import type { Check, Section } from './report.js';
import { table } from './report.js';

const sections: Readonly<Record<string, () => Promise<Section> | Section>> = {
  accept: acceptRates,
  latency: answerTimes,
  delivery: deliveryCost,
  decide: decideCost,
  backlog: backlogCost,
  postgres: postgresCost,
  'postgres-rows': postgresRows,
};

const wanted = argv.slice(2);
/** Only when asked for: it fills the disk with about 15 GB for a while. */
const large = 'postgres-rows';
const chosen = wanted.length === 0 ? Object.keys(sections).filter((name) => name !== large) : wanted;
const unknown = chosen.filter((name) => !Object.hasOwn(sections, name));
if (unknown.length > 0) {
  stdout.write(`no such part: ${unknown.join(', ')}; there are ${Object.keys(sections).join(', ')}\n`);
  exit(64);
}

const done: Section[] = [];
for (const name of chosen) {
  const run = sections[name];
  if (!run) continue;
  const section = await run();
  done.push(section);
  stdout.write(`\n${section.title}\n${table(section.rows)}\n`);
}
const checks: readonly Check[] = done.flatMap((section) => section.checks);
const rows = checks.map(({ name, measured, bound, holds }) => [name, measured.toFixed(2), bound, holds ? 'yes' : 'NO']);
stdout.write(`\nMust show\n${table([['what', 'measured', 'bound', 'holds'], ...rows])}\n`);

const folder = fileURLToPath(new URL('results/', import.meta.url));
mkdirSync(folder, { recursive: true });
const file = `${folder}latest.json`;
writeFileSync(
  file,
  `${JSON.stringify({ at: new Date().toISOString(), node: process.version, sections: done }, null, 2)}\n`,
);
stdout.write(`\nwritten to ${file}\n`);
exit(checks.every(({ holds }) => holds) ? 0 : 1);
