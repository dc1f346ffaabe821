/**
 * Which ports outgoing calls may use. Ports of other protocols never: what listens there could take a request for its
 * own commands. Elsewhere a network named in `allowCidrs` may use any; public addresses the ports where APIs are
 * served, and those the operator names.
 */
export function portRefusal(
  port: number,
  { isNamedNetwork, allowPorts = [] }: { readonly isNamedNetwork: boolean; readonly allowPorts?: readonly number[] },
): string | undefined {
  if (foreignPorts.has(port)) return `port ${port} belongs to another protocol and is never called`;
  if (isNamedNetwork || usualPorts.has(port) || allowPorts.includes(port)) return undefined;
  return `port ${port} is none where an API is served (${[...usualPorts].join(', ')}); to allow it, name it in allowPorts`;
}

/** HTTPS, its usual other port, Splunk's HTTP Event Collector, Elasticsearch here and in its cloud. */
const usualPorts: ReadonlySet<number> = new Set([443, 8443, 8088, 9200, 9243]);

/**
 * The bad ports of the Fetch standard (https://fetch.spec.whatwg.org/#port-blocking), and stores that read commands line
 * by line: Redis, memcached.
 */
const foreignPorts: ReadonlySet<number> = new Set([
  ...[0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109],
  ...[110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530],
  ...[531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190],
  ...[5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080],
  ...[6379, 11211],
]);
