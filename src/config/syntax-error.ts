import type { YAMLError } from 'yaml';

/** True for what a parser says that has stumbled before: one slip makes several of these. */
export function isAftermath(error: YAMLError): boolean {
  return ['UNEXPECTED_TOKEN', 'MISSING_CHAR', 'MULTILINE_IMPLICIT_KEY', 'BLOCK_AS_IMPLICIT_KEY'].includes(error.code);
}

/** What is wrong with the YAML, in words that help; never with the text around it, which may be a credential. */
export function describeSyntaxError(error: YAMLError, source: string): string {
  const [start] = error.pos;
  // `{ key: ${NAME} }`: inside braces and brackets YAML takes the variable's own brace for one of its own.
  if (source[start - 1] === '$' && source[start] === '{')
    return 'inside { } and [ ] a variable stands in quotes: "${NAME}"';
  if (error.message.startsWith('Missing closing')) return 'this quote is not closed';
  switch (error.code) {
    case 'DUPLICATE_KEY':
      return `${firstWord(source.slice(start))} is here twice: keep one of them`;
    case 'TAB_AS_INDENT':
      return 'a tab in the indentation: YAML wants spaces';
    case 'BAD_INDENT':
      return error.message.startsWith('Flow')
        ? 'a { or [ is not closed, or what is inside it is not indented'
        : 'the indentation does not fit what is above';
    case 'BAD_SCALAR_START':
      return 'a text that begins with this character needs quotes';
    case 'BAD_DQ_ESCAPE':
      return 'an escape YAML does not know: double the backslash, or use single quotes';
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'a value on the line of its key holds another "key: value": put it in quotes, or on lines of its own';
    case 'MULTILINE_IMPLICIT_KEY':
      return 'a line without "key: value"';
    case 'BAD_ALIAS':
      return 'an alias (*name) of an anchor (&name) that is not above it; for a text that begins with * use quotes';
    case 'TAG_RESOLVE_FAILED':
      return 'a tag (!name) has no meaning here: take it out, or put the text in quotes';
    case 'NON_STRING_KEY':
      return 'a key must be plain text';
    case 'RESOURCE_EXHAUSTION':
      return 'nested too deep';
    case 'UNEXPECTED_TOKEN':
      return 'something unexpected here: check quotes, brackets and indentation';
    default:
      return error.message;
  }
}

function firstWord(text: string): string {
  return JSON.stringify(/^["']?([\w.-]+)/.exec(text)?.[1] ?? 'the key');
}
