const maxLength = 20_000;

/**
 * The texts of a Python list that was printed into a string, as Alert Logic does with several victims:
 * `"['alice', 'bob']"`. `undefined` for anything else.
 */
export function pythonList(written: string): readonly string[] | undefined {
  if (written.length > maxLength || !written.startsWith('[') || !written.endsWith(']')) return undefined;
  if (written.slice(1, -1).trim() === '') return [];
  const items: string[] = [];
  const item = /\s*u?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*[,\]]/sy;
  item.lastIndex = 1;
  while (item.lastIndex < written.length) {
    const match = item.exec(written);
    if (match === null) return undefined;
    items.push((match[1] ?? match[2] ?? '').replace(/\\(.)/gs, '$1'));
  }
  return items;
}
