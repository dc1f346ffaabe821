/** Captured packets as specs and the stand-in of the API have them. */

export function request(lines: readonly string[], body: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}

/** A body in chunks of so many bytes. */
export function chunked(body: Buffer, size: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    parts.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

export type Direction = { readonly from: readonly [string, number]; readonly to: readonly [string, number] };

/** An IPv4 packet with a TCP segment in it, checksums included as far as they are looked at. */
export function tcpPacket({ from, to }: Direction, sequence: number, payload: string | Buffer): Buffer {
  const data = Buffer.from(payload);
  const ip = Buffer.alloc(20);
  ip.writeUInt8(0x45, 0);
  ip.writeUInt16BE(40 + data.length, 2);
  ip.writeUInt8(64, 8);
  ip.writeUInt8(6, 9);
  Buffer.from(from[0].split('.').map(Number)).copy(ip, 12);
  Buffer.from(to[0].split('.').map(Number)).copy(ip, 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += ip.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  ip.writeUInt16BE(~sum & 0xffff, 10);
  const tcp = Buffer.alloc(20);
  tcp.writeUInt16BE(from[1], 0);
  tcp.writeUInt16BE(to[1], 2);
  tcp.writeUInt32BE(sequence >>> 0, 4);
  tcp.writeUInt8(0x50, 12);
  return Buffer.concat([ip, tcp, data]);
}

/** As tcpdump prints them, each packet with offsets of its own. */
export function hexdump(packets: readonly Buffer[]): string {
  return packets.map(dumpOf).join('\n');
}

function dumpOf(packet: Buffer): string {
  const lines: string[] = [];
  for (let at = 0; at < packet.length; at += 16) {
    const row = packet.subarray(at, at + 16);
    const groups = row.toString('hex').match(/.{1,4}/g) ?? [];
    const shown = row.toString('latin1').replace(/[^\x21-\x7e]/g, '.');
    lines.push(`0x${at.toString(16).padStart(4, '0')}: ${groups.join(' ').padEnd(39)}  ${escaped(shown)}`);
  }
  return lines.join('\n');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

export type ConsolePage = {
  readonly variables: Readonly<Record<string, string>>;
  readonly signatureId?: string;
  readonly rule?: string;
  readonly engineTime?: string;
  readonly packets: readonly Buffer[];
};

/** An event page of the older console, by the marks that the predecessor looked for; of no real page. */
export function consolePage({ variables, signatureId, rule, engineTime, packets }: ConsolePage): string {
  return [
    '<html><head><script type="text/javascript">',
    ...Object.entries(variables).map(([name, value]) => `  var ${name} = '${value.replaceAll("'", "\\'")}';`),
    '</script></head><body><table>',
    ...(signatureId === undefined
      ? ['<tr><td>Signature: unknown</td></tr>']
      : [`<tr><td>Signature: <strong><a href="/signature.php?x=7&amp;sid=${signatureId}">show</a></strong></td></tr>`]),
    ...(rule === undefined ? [] : [`<tr><td>Signature Content:</td>`, `<td>${escaped(rule)}</td></tr>`]),
    ...(engineTime === undefined
      ? []
      : [`<tr><td>Engine Time:</td><td><span class="bold">${engineTime}</span></td></tr>`]),
    '</table><pre>',
    hexdump(packets),
    '</pre><table id="cache_table" style="display: none;"><tr><td>0x0000: 4e4f 5045</td></tr></table></body></html>',
  ].join('\n');
}
