import { bodyText, oneOf, text, titleText, type Flags } from '../../kit/read.js';

export type Narrative = { readonly description: string | undefined; readonly recommendation: string | undefined };

/**
 * Description and recommendation as plain text, each from its first field that holds any. Without a field of its own
 * the recommendation is what follows its heading in the description, as the vendor's own client has it.
 */
export function narrativeOf(
  descriptions: readonly unknown[],
  recommendations: readonly unknown[],
  flags: Flags,
): Narrative {
  const description = firstText(descriptions);
  const recommendation = firstText(recommendations);
  const split = description === undefined || recommendation !== undefined ? undefined : splitAdvice(description);
  return {
    description: bodyText(plain(split?.before ?? description), flags),
    recommendation: bodyText(plain(split?.advice ?? recommendation), flags),
  };
}

/**
 * A title from its first field that holds any; else the description's first line that is no heading (`title_derived`);
 * else the given words (`title_missing`).
 */
export function titleOf(
  titles: readonly unknown[],
  description: string | undefined,
  otherwise: string,
  flags: Flags,
): string {
  const title = titleText(plain(firstText(titles)), flags);
  if (title !== undefined) return title;
  const lines = description?.split('\n').filter((line) => line.trim() !== '') ?? [];
  const firstLine = titleText(lines.find((line) => !line.endsWith(':')) ?? lines[0], flags);
  flags.add(firstLine === undefined ? 'title_missing' : 'title_derived');
  // These words are cut, too: an id in them is as long as its sender likes.
  return firstLine ?? titleText(otherwise, flags) ?? otherwise;
}

/**
 * HTML and Markdown to plain text, in time linear in its length. Only formatting is taken away: an element the
 * vendor does not format with is evidence, such as a `<script>` in a request, and stays as it was written.
 */
export function plainText(markup: string): string {
  return tidied(withoutMarkdown(/[<&]/.test(markup) ? withoutHtml(markup) : markup));
}

function plain(markup: string | undefined): string | undefined {
  return markup === undefined ? undefined : plainText(markup);
}

function firstText(values: readonly unknown[]): string | undefined {
  return values.map(text).find((value) => value !== undefined);
}

/** `**Remediation Recommendation:**`, `**Recommendations:**`, `<strong>Recommendations</strong>:` … */
const adviceHeading =
  /(?:\*\*|<(?:strong|b)>)[^*<\n]{0,60}?Recommendations?\s?:?\s?(?:\*\*|<\/(?:strong|b)>)[ \t]{0,8}:?/i;

function splitAdvice(description: string): { before: string; advice: string } | undefined {
  const heading = adviceHeading.exec(description);
  if (heading === null) return undefined;
  return {
    before: description.slice(0, heading.index),
    advice: description.slice(heading.index + heading[0].length),
  };
}

const inline = new Set(['a', 'b', 'code', 'em', 'font', 'i', 's', 'small', 'span', 'strong', 'sub', 'sup', 'u']);
const blocks = new Set([
  ...['blockquote', 'body', 'br', 'div', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'head', 'hr', 'html', 'li', 'ol', 'p'],
  ...['pre', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
]);
const cells = new Set(['td', 'th']);

function withoutHtml(html: string): string {
  const parts: string[] = [];
  const opening = /<(\/?)([a-z][a-z0-9]{0,9})(?=[\s/>])/gi;
  let from = 0;
  let link: { readonly href: string; readonly start: number } | undefined;
  for (let tag = opening.exec(html); tag !== null; tag = opening.exec(html)) {
    const name = tag[2]?.toLowerCase() ?? '';
    if (!inline.has(name) && !blocks.has(name)) continue;
    const end = html.indexOf('>', opening.lastIndex);
    // No tag is closed from here on; looking again for each would make the time quadratic.
    if (end < 0) break;
    const isClosing = tag[1] === '/';
    parts.push(withoutEntities(html.slice(from, tag.index)), breakOf(name, isClosing));
    if (name === 'a') {
      if (link !== undefined && !parts.slice(link.start).join('').includes(link.href)) parts.push(` (${link.href})`);
      const href = isClosing ? undefined : hrefOf(html.slice(tag.index, end));
      link = href === undefined ? undefined : { href, start: parts.length };
    }
    from = end + 1;
    opening.lastIndex = from;
  }
  parts.push(withoutEntities(html.slice(from)));
  return parts.join('');
}

function breakOf(name: string, isClosing: boolean): string {
  if (name === 'li') return isClosing ? '' : '\n- ';
  if (cells.has(name)) return isClosing ? ' ' : '';
  return blocks.has(name) ? '\n' : '';
}

function hrefOf(tag: string): string | undefined {
  const href = /\shref=["']?(https?:\/\/[^"'\s>]{1,2000})/i.exec(tag)?.[1];
  return href === undefined ? undefined : withoutEntities(href);
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  bull: '•',
};

/** One round only: `&amp;lt;` was written to be read as `&lt;`. */
function withoutEntities(html: string): string {
  return html.replace(/&(?:(#\d{1,7})|#(x[0-9a-f]{1,6})|([a-z]{2,6}));/gi, (whole, ...groups: unknown[]) => {
    const [decimal, hex, name] = groups;
    if (typeof name === 'string') return oneOf(name, entities) ?? whole;
    const code = typeof decimal === 'string' ? Number(decimal.slice(1)) : Number(`0${String(hex)}`);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

function withoutMarkdown(markdown: string): string {
  return markdown
    .replace(/\*\*([^*\n]+)\*\*/g, '$1')
    .replace(/`([^`\n]+)`/g, '$1')
    .replace(/\[([^[\]\n]+)\]\((https?:[^()\s]+)\)/g, '$1 ($2)')
    .replace(/^#{1,6}[ \t]+/gm, '');
}

/** No space at a line's end, and no two empty lines in a row. */
function tidied(lines: string): string {
  const trimmed = lines.split('\n').map((line) => line.trimEnd());
  return trimmed
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
