/** An address, and a port where the protocol has them. */
export type Endpoint = { readonly address: string; readonly port?: string };

/** A packet without its headers. */
export type Segment = {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  /** `tcp`, `udp`, or the number of another one. */
  readonly protocol: string;
  /** TCP's. */
  readonly sequence?: number;
  readonly payload: Buffer;
};

const ethernetHeader = 14;
const ipv4Type = 0x0800;
const ipv6Type = 0x86dd;
const ipv4Header = 20;
const ipv6Header = 40;
const tcp = 6;
const udp = 17;

/**
 * Takes the headers off a captured packet: IPv4 (RFC 791) or IPv6 (RFC 8200), with or without Ethernet before it, and TCP
 * or UDP inside. Undefined for what does not look like one: the packet is then payload alone.
 */
export function segmentOf(packet: Buffer): Segment | undefined {
  const type = packet.length >= ethernetHeader ? packet.readUInt16BE(12) : 0;
  if (type === ipv4Type || type === ipv6Type) {
    const inside = ipSegment(packet.subarray(ethernetHeader));
    if (inside) return inside;
  }
  return ipSegment(packet);
}

function ipSegment(packet: Buffer): Segment | undefined {
  switch ((packet[0] ?? 0) >> 4) {
    case 4:
      return ipv4Segment(packet);
    case 6:
      return ipv6Segment(packet);
    default:
      return undefined;
  }
}

/** Text may begin with the digit that says IPv4, so the lengths and the checksum have to hold as well. */
function ipv4Segment(packet: Buffer): Segment | undefined {
  const headerLength = ((packet[0] ?? 0) & 0x0f) * 4;
  if (headerLength < ipv4Header || packet.length < headerLength) return undefined;
  const total = packet.readUInt16BE(2);
  const hasOffloadedLength = total === 0;
  if (!hasOffloadedLength && total < headerLength) return undefined;
  if (!isChecksumRight(packet, headerLength)) return undefined;
  const address = (at: number): string => [...packet.subarray(at, at + 4)].join('.');
  const end = hasOffloadedLength ? packet.length : Math.min(total, packet.length);
  return transport(packet.subarray(headerLength, end), packet[9] ?? 0, address(12), address(16));
}

/** The Internet checksum (RFC 1071), or none: cards fill it in after the capture. */
function isChecksumRight(packet: Buffer, headerLength: number): boolean {
  if (packet.readUInt16BE(10) === 0) return true;
  let sum = 0;
  for (let at = 0; at < headerLength; at += 2) sum += packet.readUInt16BE(at);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return sum === 0xffff;
}

function ipv6Segment(packet: Buffer): Segment | undefined {
  if (packet.length < ipv6Header) return undefined;
  const length = packet.readUInt16BE(4);
  const protocol = packet[6] ?? 0;
  // Only what TCP or UDP follows at once: nothing else tells an address from text.
  if (protocol !== tcp && protocol !== udp) return undefined;
  const address = (at: number): string =>
    Array.from({ length: 8 }, (_, index) => packet.readUInt16BE(at + 2 * index).toString(16)).join(':');
  const end = length === 0 ? packet.length : Math.min(ipv6Header + length, packet.length);
  return transport(packet.subarray(ipv6Header, end), protocol, address(8), address(24));
}

const tcpHeader = 20;
const udpHeader = 8;

function transport(packet: Buffer, protocol: number, from: string, to: string): Segment | undefined {
  if (protocol === tcp) {
    if (packet.length < tcpHeader) return undefined;
    const headerLength = ((packet[12] ?? 0) >> 4) * 4;
    if (headerLength < tcpHeader || headerLength > packet.length) return undefined;
    return {
      source: { address: from, port: String(packet.readUInt16BE(0)) },
      destination: { address: to, port: String(packet.readUInt16BE(2)) },
      protocol: 'tcp',
      sequence: packet.readUInt32BE(4),
      payload: packet.subarray(headerLength),
    };
  }
  if (protocol === udp) {
    if (packet.length < udpHeader) return undefined;
    return {
      source: { address: from, port: String(packet.readUInt16BE(0)) },
      destination: { address: to, port: String(packet.readUInt16BE(2)) },
      protocol: 'udp',
      payload: packet.subarray(udpHeader),
    };
  }
  return {
    source: { address: from },
    destination: { address: to },
    protocol: protocol === 1 ? 'icmp' : String(protocol),
    payload: packet,
  };
}
