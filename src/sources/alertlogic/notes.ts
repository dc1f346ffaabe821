import type { Note } from '../../core/alert.js';
import { parseJsonText } from '../../kit/json.js';
import { present } from '../../kit/present.js';
import { bodyText, list, text, type Flags } from '../../kit/read.js';
import { timeText } from '../../kit/time.js';
import { plainText } from './markup.js';
import { part, parts } from './part.js';

/** What analysts and customers wrote on an incident; `undefined` where nobody did. */
export function incidentNotes(body: unknown, now: number, flags: Flags): readonly Note[] | undefined {
  const byAnalysts = [
    ...list(part(body, 'notes.otherNotes') ?? part(body, 'notes')),
    ...list(part(body, 'extra.analyst_notes')),
  ];
  const byCustomer = [
    parts(body, 'customer_status.notes', 'customer_status.user_name', 'customer_status.status_change_time'),
    parts(body, 'customer_feedback.feedback', 'customer_feedback.feedback_user', 'customer_feedback.feedback_datetime'),
    parts(body, 'snooze_status.notes', 'snooze_status.snooze_by'),
  ];
  return collected([...byAnalysts.map(noteParts), ...byCustomer], now, flags);
}

/** Notes as a notification carries them: a list, or one printed into a text (`"[]"`). */
export function printedNotes(value: unknown, now: number, flags: Flags): readonly Note[] | undefined {
  const parsed = typeof value === 'string' ? parseJsonText(value) : undefined;
  return collected(list(parsed?.kind === 'json' ? parsed.value : value).map(noteParts), now, flags);
}

function noteParts(note: unknown): readonly unknown[] {
  return parts(note, 'note', 'who', 'date');
}

const maxNotes = 50;
const maxNoteBytes = 4_000;

/** From words, author and date of each, every text once; `notes_truncated` past 50. */
function collected(written: readonly (readonly unknown[])[], now: number, flags: Flags): readonly Note[] | undefined {
  const byText = new Map<string, Note>();
  const filled = written.filter(([words]) => text(words) !== undefined);
  if (filled.length > maxNotes) flags.add('notes_truncated');
  for (const [words, author, date] of filled.slice(0, maxNotes)) {
    const body = bodyText(plainText(text(words) ?? ''), flags, maxNoteBytes);
    if (body === undefined || byText.has(body)) continue;
    byText.set(body, present({ time: timeText(date, 's', now, flags), author: text(author), text: body }));
  }
  return byText.size > 0 ? [...byText.values()] : undefined;
}
