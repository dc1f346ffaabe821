const maxLines = 200_000;

/**
 * The packets of a hexdump as tcpdump writes it: `0x0010:  6167 653f …  age?…`. An offset of 0 begins another packet.
 * Case, how many digits stand together and how many spaces follow the colon do not matter; a line whose digits cannot
 * be read costs that line. Never throws.
 */
export function packetsOfHexdump(text: string): readonly Buffer[] {
  const packets: Buffer[][] = [];
  let count = 0;
  for (const [, offset = '', rest = ''] of text.matchAll(/\b0x([0-9a-f]{4,8}):([^\r\n<]{0,300})/gi)) {
    if ((count += 1) > maxLines) break;
    const bytes = bytesOf(rest);
    const current = packets.at(-1);
    if (current === undefined || /^0+$/.test(offset)) packets.push([bytes]);
    else current.push(bytes);
  }
  return packets.map((lines) => Buffer.concat(lines)).filter(({ length }) => length > 0);
}

/** A line has 16 bytes; the text beside them may look like digits, too. */
const maxLineBytes = 16;

/** Two spaces or a tab stand before the text that the bytes are repeated in. */
function bytesOf(line: string): Buffer {
  const digits = line.replace(/^[ \t\u00a0]+/, '').split(/ {2,}|\t/, 1)[0] ?? '';
  const groups = /^(?:[0-9a-f]{2,4}(?:[ \u00a0]|$))+/i.exec(`${digits} `)?.[0].replace(/[^0-9a-f]/gi, '') ?? '';
  return Buffer.from(groups.slice(0, 2 * maxLineBytes), 'hex');
}
