import ipaddr from 'ipaddr.js';
import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { promisify } from 'node:util';
import { addressList } from './address.js';

/** Which addresses outgoing calls may reach: the guard against server-side request forgery. */
export type Egress = {
  /** Why an address must not be called, in words for the operator; undefined when it may. */
  refusalOf(address: string): string | undefined;
  /** True for an address that the operator named in `allowCidrs`. */
  isNamed(address: string): boolean;
  /** The ports of public addresses that the operator named in `allowPorts`, beside the usual ones. */
  readonly allowPorts: readonly number[];
  /** For `net.connect`: fails unless every answer may be called, and gives exactly the checked ones. */
  readonly lookup: LookupFunction;
};

export type EgressOptions = {
  /** Networks that are not public and may be called all the same. */
  readonly allowCidrs?: readonly string[];
  readonly allowPorts?: readonly number[];
  /** The system's resolver, unless a test has its own. */
  readonly resolve?: Resolve;
};

/** A name to its addresses; rejects with the system's code (`ENOTFOUND`, `EAI_AGAIN`). */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/** Ours, so that a refusal can be told from a failure by its class. */
export class EgressRefused extends Error {
  override readonly name = 'EgressRefused';
}

/**
 * Public addresses may be called. Private ones, loopback and their like only inside `allowCidrs`; link-local addresses
 * and the places where clouds keep their metadata never, whatever `allowCidrs` says.
 */
export function openEgress({
  allowCidrs = [],
  allowPorts = [],
  resolve = resolveBySystem,
}: EgressOptions = {}): Egress {
  const isNamed = addressList(allowCidrs);
  const refusalOf = (text: string): string | undefined => {
    if (isIP(text) === 0) return `${text} is no address`;
    const address = ipaddr.process(text);
    if (isForbidden(text)) return `${text} is link-local or serves cloud metadata, which is never called`;
    if (isPublic(address)) return undefined;
    if (grantable.has(address.range()) && isNamed(text)) return undefined;
    return `${text} is not a public address; to allow it, name its network in allowCidrs`;
  };
  const lookup = lookupOnce(async (hostname) => {
    const addresses = await resolve(hostname);
    for (const { address } of addresses) {
      const refusal = refusalOf(address);
      if (refusal !== undefined) throw new EgressRefused(`${hostname}: ${refusal}`);
    }
    return addresses;
  });
  return { refusalOf, isNamed, allowPorts, lookup };
}

/** As `allowCidrs`: all that it can open. */
export const anywhere: readonly string[] = ['0.0.0.0/0', '::/0'];

/** Link-local, and the metadata services of AWS (IPv6), Alibaba, Oracle and Azure, which live outside it. */
const isForbidden = addressList([
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::/32',
  '100.100.100.200',
  '192.0.0.192',
  '168.63.129.16',
]);

/** What `allowCidrs` can open. Not tunnels and translations (6to4, NAT64): they hide the address that is really called. */
const grantable: ReadonlySet<string> = new Set(['private', 'loopback', 'uniqueLocal', 'carrierGradeNat', 'reserved']);

const globalIpv6 = ipaddr.parseCIDR('2000::/3');

function isPublic(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(globalIpv6));
}

const lookupAll = promisify(systemLookup);

/** The system's resolver rather than DNS itself, so that `/etc/hosts` and search domains work. */
function resolveBySystem(hostname: string): Promise<readonly LookupAddress[]> {
  return lookupAll(hostname, { all: true });
}

/** Connections opening at the same time share one query: a slow resolver must not hold all threads of the pool. */
function lookupOnce(resolve: Resolve): LookupFunction {
  const running = new Map<string, Promise<readonly LookupAddress[]>>();
  const resolveOnce = (hostname: string): Promise<readonly LookupAddress[]> => {
    let query = running.get(hostname);
    if (!query) {
      query = resolve(hostname).finally(() => running.delete(hostname));
      running.set(hostname, query);
    }
    return query;
  };
  return (hostname, options, callback) => {
    resolveOnce(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (!first) callback(Object.assign(new Error(`no address for ${hostname}`), { code: 'ENOTFOUND' }), '');
        else if (options.all === true) callback(null, [...addresses]);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => {
        callback(error as NodeJS.ErrnoException, '');
      },
    );
  };
}
