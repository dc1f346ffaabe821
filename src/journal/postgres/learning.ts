import type { NewAlert } from '../../core/alert.js';
import { addKnowledge, knowledgeOf, learnt } from '../../core/knowledge.js';
import { isUntouched } from './amendments.js';
import type { Counting } from './counting.js';
import type { Query } from './database.js';

/** Adds what another report of it knows to an alert that nobody was sent; else only notes it. With its finding locked. */
export async function learn(query: Query, seq: number, report: NewAlert, counting: Counting): Promise<void> {
  const [row] = await query<{ source: number; json: string }>('SELECT source, json FROM alerts WHERE seq = $1', [seq]);
  if (!row) return;
  const alert = JSON.parse(row.json) as NewAlert;
  const fuller = addKnowledge(alert, knowledgeOf(report));
  if (!fuller) return;
  // Nobody claims it meanwhile.
  const owed = await query<{ bytes: number }>(
    'SELECT bytes FROM owed WHERE sink IN (SELECT number FROM sinks) AND alert = $1 ORDER BY sink FOR UPDATE',
    [seq],
  );
  const isLate = !(await isUntouched(query, seq));
  await query('UPDATE second_ways SET added = $2, is_late = $3 WHERE alert = $1', [
    seq,
    JSON.stringify(learnt(alert, fuller)),
    isLate,
  ]);
  if (isLate) return;
  const json = JSON.stringify(fuller);
  const bytes = Buffer.byteLength(json);
  await query('UPDATE alerts SET json = $2, bytes = $3 WHERE seq = $1', [seq, json, bytes]);
  await query('UPDATE owed SET bytes = $2 WHERE sink IN (SELECT number FROM sinks) AND alert = $1', [seq, bytes]);
  for (const before of owed) {
    counting.pending(row.source, before.bytes, -1);
    counting.pending(row.source, bytes, 1);
  }
}
