/**
 * A vendor's text as Datadog may show it to people. An attacker can write parts of it, and in Datadog `@name` notifies
 * people, and `%%%` switches Markdown on: both are broken with characters that nobody sees.
 */
export function shownText(text: string): string {
  const plain = plainText(text);
  if (!plain.includes('@') && !plain.includes('%%%')) return plain;
  return plain.replace(/@(?=[^\s\u2060])/g, '@\u2060').replace(/%(?=%%)/g, '%\u200b');
}

/** The same on one line. */
export function shownLine(text: string): string {
  return shownText(text).replace(/\s+/g, ' ').trim();
}

/** Well-formed text without what steers the reader's eye: controls, reversed writing, towers of accents. */
export function plainText(text: string): string {
  if (harmless.test(text)) return text;
  return text
    .replace(/\r\n?|[\u2028\u2029\u0085]/g, '\n')
    .replace(/\p{Cs}/gu, '\ufffd')
    .replace(steering, '')
    .replace(/(\p{M}{8})\p{M}+/gu, '$1');
}

const harmless = /^[\x20-\x7e\n\t\u00a0-\u02ff]*$/;

/** Controls but for tabs and line breaks, bidirectional marks and overrides (Unicode TR 36 §3.3), and what has no width. */
const steering = /(?![\n\t])\p{Cc}|[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu;

/** At most so many UTF-16 units, whole characters only, with `…` where something is missing. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text;
  const isPairCut = /[\ud800-\udbff]/.test(text.charAt(max - 2));
  return `${text.slice(0, isPairCut ? max - 2 : max - 1)}…`;
}
