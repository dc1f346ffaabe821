import { RE2JS } from 're2js';

/** The longest text a regular expression is run on, in UTF-16 units; what follows is not looked at. */
const maxRegexInput = 8_192;

/** A compiled text condition. */
export type Pattern = {
  /** As written in the config. */
  readonly written: string;
  /** The one text it holds for, where it is neither a glob nor a regular expression. */
  readonly exact?: string;
  holds(text: string): boolean;
};

/**
 * Reads a pattern: `exact text`, a `*` glob over the whole text, or `/regex/` (`/regex/i` without case) found anywhere.
 * Regular expressions run on RE2, in time linear to the text. Throws an Error that says what is wrong with one.
 */
export function compilePattern(written: string): Pattern {
  const regex = /^\/(.+)\/(i?)$/s.exec(written);
  if (regex) {
    const compiled = RE2JS.compile(regex[1] ?? '', regex[2] === 'i' ? RE2JS.CASE_INSENSITIVE : 0);
    return { written, holds: (text) => compiled.matcher(text.slice(0, maxRegexInput)).find() };
  }
  if (written.includes('*')) return { written, holds: glob(written) };
  return { written, exact: written, holds: (text) => text === written };
}

function glob(written: string): (text: string) => boolean {
  const [prefix = '', ...rest] = written.split('*');
  const suffix = rest.pop() ?? '';
  return (text) => {
    if (text.length < prefix.length + suffix.length || !text.startsWith(prefix) || !text.endsWith(suffix)) return false;
    const end = text.length - suffix.length;
    let position = prefix.length;
    for (const part of rest) {
      const found = text.indexOf(part, position);
      if (found < 0 || found + part.length > end) return false;
      position = found + part.length;
    }
    return true;
  };
}
