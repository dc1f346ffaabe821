import ipaddr from 'ipaddr.js';
import { isIP } from 'node:net';
import { ValidateBy, type ValidationOptions } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';

/** Tells whether an address is inside a list of networks; what is no address is inside nothing. */
export type AddressList = (address: string) => boolean;

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/**
 * Compiles networks such as `10.0.0.0/8`, `2001:db8::/32` or a single address. IPv4 written inside IPv6
 * (`::ffff:10.0.0.1`, as dual-stack sockets report it) counts as IPv4 on both sides. Throws on what is no network.
 */
export function addressList(networks: readonly string[]): AddressList {
  const ranges = networks.map((network) => {
    const range = parseNetwork(network);
    if (!range) throw new Error(`${network} is neither an address nor a network such as 10.0.0.0/8`);
    return range;
  });
  return (text) => {
    const address = parseAddress(text);
    if (!address) return false;
    return ranges.some(([base, bits]) => address.kind() === base.kind() && address.match(base, bits));
  };
}

/**
 * The sender's address: `X-Forwarded-For` is read from the right, and only as far as trusted proxies vouch for it, so
 * that nobody can put an address of his choice in front. Canonical text, IPv4 where it is IPv4.
 */
export function clientAddress(
  socketAddress: string,
  forwardedFor: string | readonly string[] | undefined,
  trustedProxies: AddressList | undefined,
): string {
  let address = canonical(socketAddress) ?? socketAddress;
  if (!trustedProxies || forwardedFor === undefined) return address;
  const hops = (typeof forwardedFor === 'string' ? forwardedFor : forwardedFor.join(',')).split(',');
  for (const hop of hops.reverse()) {
    const before = trustedProxies(address) ? canonical(withoutPort(hop.trim())) : undefined;
    if (before === undefined) break;
    address = before;
  }
  return address;
}

/** An address or a network in YAML, e.g. `192.0.2.7` or `10.0.0.0/8`. */
export function IsCidr(options: ValidationOptions = {}): PropertyDecorator {
  const validate = ValidateBy(
    {
      name: 'isCidr',
      validator: {
        validate: (value) => typeof value === 'string' && parseNetwork(value) !== undefined,
        defaultMessage: () => '$property must hold addresses or networks such as 192.0.2.7 or 10.0.0.0/8',
      },
    },
    options,
  );
  const text = { type: 'string', description: 'an address or a network such as 192.0.2.7 or 10.0.0.0/8' } as const;
  const describe = JSONSchema(() => (options.each === true ? { type: 'array', items: text } : text));
  return (target, key) => {
    validate(target, String(key));
    describe(target, String(key));
  };
}

function canonical(text: string): string | undefined {
  if (isIP(text) === 4) return text;
  return parseAddress(text)?.toString();
}

/** `isIP` first: ipaddr.js also reads `127.1`, `0x7f.1` and octal parts, which other software reads differently. */
function parseAddress(text: string): Address | undefined {
  return isIP(text) === 0 ? undefined : ipaddr.process(text);
}

function parseNetwork(text: string): [Address, number] | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const version = isIP(address);
  if (version === 0) return undefined;
  const width = version === 4 ? 32 : 128;
  const prefix = slash < 0 ? String(width) : text.slice(slash + 1);
  const bits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  if (!(bits <= width)) return undefined;
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress() && bits >= 96) {
    return [parsed.toIPv4Address(), bits - 96];
  }
  return [parsed, bits];
}

/** Some proxies write `192.0.2.7:4711` and `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(hop);
  if (bracketed) return bracketed[1] ?? '';
  const port = /^([\d.]+):\d+$/.exec(hop);
  return port?.[1] ?? hop;
}
