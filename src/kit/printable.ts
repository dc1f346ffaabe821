/**
 * Characters that steer a terminal or the reader's eye instead of being read: controls, line separators, and those
 * that reverse the direction of writing (Unicode TR 36, §3.3) or hide.
 */
const unsafe = /[\p{Cc}\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]|\p{Cs}/gu;
const unsafeInJson = new RegExp(`(?!\\n)(?:${unsafe.source})`, 'gu');

/** A text on one line of a terminal or a log: what would steer it is shown as `\u001b`. At most `max` code units. */
export function printable(text: string, max = 500): string {
  const shown = text.length > max ? `${text.slice(0, max)}…` : text;
  return shown.replace(unsafe, escaped);
}

/** JSON text that says the same in characters that are safe to print; line breaks between tokens stay. */
export function printableJson(json: string): string {
  return json.replace(unsafeInJson, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
