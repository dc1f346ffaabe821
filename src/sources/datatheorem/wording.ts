import { bodyText, text, titleText, type Flags } from '../../kit/read.js';

/** Text of several lines. The vendor escapes line feeds twice: what arrives is a backslash and an n. */
export function proseOf(value: unknown, flags: Flags): string | undefined {
  return bodyText(text(value)?.replace(/(?:\\r)?\\n/g, '\n'), flags);
}

/** The vendor sends no title: what happened in a sentence, and to what. */
export function titleOf(happened: string, asset: string | undefined, flags: Flags): string {
  const headline = firstSentence(happened, flags);
  const isTold = asset === undefined || headline.includes(asset);
  return titleText(isTold ? headline : `${headline} (${asset})`, flags) ?? 'Data Theorem event';
}

const maxHeadline = 300;

/** Without its full stop; of a long one, as much as leaves room for the name of what it is about. */
function firstSentence(prose: string, flags: Flags): string {
  const points = Array.from(prose.slice(0, endOfSentence(prose)));
  if (points.length <= maxHeadline) return points.join('');
  flags.add('title_truncated');
  return `${points.slice(0, maxHeadline - 1).join('')}…`;
}

/** A stop behind a single letter is an abbreviation, as in `e.g.`. */
function endOfSentence(prose: string): number {
  const end = /(?<=\S)(?<!\b\p{L})[.!?](?=\s+\p{Lu}|\s*$)|(?<=\S)\n\s*\n/u.exec(prose);
  return end?.index ?? prose.length;
}
