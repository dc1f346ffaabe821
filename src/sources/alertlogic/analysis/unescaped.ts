/** The text of a cell: line breaks of HTML are left out, as the console puts them into long rules, and entities read. */
export function unescaped(html: string): string {
  return html
    .replace(/<br ?\/?>/gi, '')
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{1,8}));/gi, (entity: string, decimal, hex, name) => {
      if (typeof name === 'string') return names[name.toLowerCase()] ?? entity;
      const point = typeof decimal === 'string' ? Number(decimal) : parseInt(String(hex), 16);
      return point > 0x10ffff ? entity : String.fromCodePoint(point);
    });
}

const names: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'", nbsp: ' ' };
