import { segmentOf, type Endpoint, type Segment } from './segment.js';

/** Bytes one side sent, or both in turn where packets do not say who sent them. */
export type Stream = {
  readonly bytes: Buffer;
  /** Where packets begin in it, rising. */
  readonly boundaries: readonly number[];
};

export type Capture = {
  /** In the order in which they begin: the client's first. */
  readonly streams: readonly Stream[];
  /** Who opened the conversation and with whom, by the packets' own headers. */
  readonly source?: Endpoint;
  readonly destination?: Endpoint;
  readonly protocol?: string;
};

/** What comes out of an event's packets at most; beyond it nothing is looked at. */
const maxBytes = 1024 * 1024;
const maxPackets = 5_000;

/**
 * Puts packets together: by the sequence numbers of TCP where the packets have their headers, sent again or out of order
 * as they may be; in the order given where they are payload alone.
 */
export function captureOf(packets: readonly Buffer[]): Capture {
  const taken = within(packets);
  const segments = taken.map(segmentOf);
  const known = segments.filter((segment) => segment !== undefined);
  if (known.length === 0 || known.length < segments.length) return { streams: [joined(taken)] };
  const flows = new Map<string, Segment[]>();
  for (const segment of known) {
    const key = JSON.stringify([segment.source, segment.destination]);
    const flow = flows.get(key);
    if (flow) flow.push(segment);
    else flows.set(key, [segment]);
  }
  const [first] = known;
  return {
    streams: [...flows.values()].map(reassembled).filter(({ bytes }) => bytes.length > 0),
    ...(first && { source: first.source, destination: first.destination, protocol: first.protocol }),
  };
}

function within(packets: readonly Buffer[]): readonly Buffer[] {
  let left = maxBytes;
  return packets.slice(0, maxPackets).flatMap((packet) => {
    const taken = packet.subarray(0, left);
    left -= taken.length;
    return taken.length > 0 ? [taken] : [];
  });
}

function joined(packets: readonly Buffer[]): Stream {
  let at = 0;
  const boundaries = packets.map((packet) => {
    const begin = at;
    at += packet.length;
    return begin;
  });
  return { bytes: Buffer.concat(packets), boundaries };
}

/** What overlaps counts once; a gap is passed over. */
function reassembled(flow: readonly Segment[]): Stream {
  const [first] = flow;
  if (first?.sequence === undefined) return joined(flow.map(({ payload }) => payload));
  const base = first.sequence;
  // Sequence numbers go round at 2^32 (RFC 9293, section 3.4).
  const placed = flow
    .filter(({ payload }) => payload.length > 0)
    .map(({ sequence = base, payload }) => ({ at: (sequence - base) | 0, payload }))
    .sort((a, b) => a.at - b.at);
  let next = -Infinity;
  const parts: Buffer[] = [];
  for (const { at, payload } of placed) {
    const part = payload.subarray(Math.min(payload.length, Math.max(0, next - at)));
    if (part.length > 0) parts.push(part);
    next = Math.max(next, at + payload.length);
  }
  return joined(parts);
}
