/** UUIDs and digests as bytes: a quarter of the text's size in an index. */

export const idBytes = 16;

/** Positions of '0'-'9', 'a'-'f' and 'A'-'F'; 255 for every other character. */
const nibbles = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? 255 : value;
});
const dash = 45;

/** Writes the first 16 bytes that a UUID or a hex digest spells. Throws a `RangeError` when it spells fewer. */
export function writeId(text: string, into: Uint8Array, offset: number): void {
  let high = 255;
  let at = offset;
  for (let i = 0; i < text.length && at < offset + idBytes; i += 1) {
    const code = text.charCodeAt(i);
    if (code === dash) continue;
    const nibble = nibbles[code] ?? 255;
    if (nibble === 255) break;
    if (high === 255) {
      high = nibble;
    } else {
      into[at] = high * 16 + nibble;
      at += 1;
      high = 255;
    }
  }
  if (at < offset + idBytes) throw new RangeError(`"${text.slice(0, 80)}" is neither a UUID nor a digest in hex`);
}

/** The 16 bytes of a UUID or digest that somebody asks for; undefined for any other text. */
export function idOrNothing(text: string): Buffer | undefined {
  const hex = text.replaceAll('-', '');
  return /^[0-9a-f]{32,}$/i.test(hex) ? Buffer.from(hex.slice(0, 2 * idBytes), 'hex') : undefined;
}

export function toUuid(id: Buffer): string {
  const hex = id.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
