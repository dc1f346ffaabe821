import type { Secret } from '../core/secret.js';
import { withoutCredentials } from './credentials.js';

/** Gives text for people: at most so many bytes, without credentials and control characters. */
export type Redact = (text: string, maxBytes: number) => string;

/** Cuts the given credentials out, in the spellings an answer may quote them in, and whatever else looks like one. */
export function redactor(secrets: readonly Secret[]): Redact {
  const spellings = secrets.flatMap((secret) => spellingsOf(secret.reveal())).filter((text) => text !== '');
  return (text, maxBytes) => {
    // Whole words first: a credential cut in half would no longer be recognised.
    let clean = text;
    for (const spelling of spellings) clean = clean.replaceAll(spelling, '[secret]');
    return cut(withoutCredentials(clean).replace(controls, ' '), maxBytes);
  };
}

const controls = /\p{Cc}+/gu;

function spellingsOf(value: string): readonly string[] {
  return [...new Set([value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)])];
}

/** At most so many bytes of UTF-8, whole characters only. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  return new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
}
