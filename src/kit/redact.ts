import type { Secret } from '../core/secret.js';

/** Gives text for people: at most so many bytes, without credentials and control characters. */
export type Redact = (text: string, maxBytes: number) => string;

/** Cuts the given credentials out, in the spellings an answer may quote them in, and whatever follows the name of a header that carries one. */
export function redactor(secrets: readonly Secret[]): Redact {
  const spellings = secrets.flatMap((secret) => spellingsOf(secret.reveal())).filter((text) => text !== '');
  return (text, maxBytes) => {
    // Whole words first: a credential cut in half would no longer be recognised.
    let clean = text;
    for (const spelling of spellings) clean = clean.replaceAll(spelling, '[secret]');
    clean = clean.replace(credentialHeader, '$1[secret]').replace(controls, ' ');
    return cut(clean, maxBytes);
  };
}

const credentialHeader =
  /((?:dd-api-key|dd-application-key|authorization)["']?\s*[:=]\s*["']?(?:(?:basic|bearer|splunk|genie_?key)\s+)?)[^\s"',;]+/gi;

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
