import { isIP } from 'node:net';
import { ValidateBy } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { Secret } from '../core/secret.js';
import { openEgress, type Egress } from './egress.js';
import { portRefusal } from './ports.js';

/** Where a request goes. */
export type Target = {
  readonly origin: string;
  /** As in a URL: IPv6 in brackets. */
  readonly hostname: string;
  /** Path and query. */
  readonly path: string;
};

/**
 * Reads the URL of an outgoing call; gives the reason, in words for the operator, where it is not called. The WHATWG
 * parser comes first: it turns every spelling of an address (`0x7f.1`, `2130706433`) into the usual one. A name is
 * checked when it is looked up, a literal address here: for those no lookup happens.
 */
export function readTarget(text: string, egress: Egress): Target | string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) return 'the URL is not http or https';
  if (url.username !== '' || url.password !== '') return 'the URL holds credentials';
  const literal = url.hostname.replace(/^\[|\]$/g, '');
  const refusal = isIP(literal) === 0 ? undefined : egress.refusalOf(literal);
  if (refusal !== undefined) return refusal;
  return { origin: url.origin, hostname: url.hostname, path: url.pathname + url.search };
}

/** Why an address is not called in this way, though it may be called; undefined when it is. `port` as in a URL. */
export function peerRefusal(address: string, protocol: string, port: string, egress: Egress): string | undefined {
  const refusal = egress.refusalOf(address);
  if (refusal !== undefined) return refusal;
  const isNamedNetwork = egress.isNamed(address);
  if (protocol !== 'https:' && !isNamedNetwork) return plainHttp;
  return portRefusal(portOf(protocol, port), { isNamedNetwork, allowPorts: egress.allowPorts });
}

const plainHttp = 'plain http goes to networks in allowCidrs only; use https';

function portOf(protocol: string, port: string): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

type Guarded = { readonly allowCidrs?: readonly string[]; readonly allowPorts?: readonly number[] };

/**
 * What is known of a URL when the config is read: whether it is one, and whether the guard will refuse it whatever its
 * name leads to. `allowCidrs` and `allowPorts` as the sink's options have them.
 */
export function urlRefusal(text: string, { allowCidrs = [], allowPorts = [] }: Guarded): string | undefined {
  const egress = openEgress({ allowCidrs, allowPorts });
  const target = readTarget(text, egress);
  if (typeof target === 'string') return target;
  const { protocol, port, hostname } = new URL(text);
  const literal = hostname.replace(/^\[|\]$/g, '');
  if (isIP(literal) !== 0) return peerRefusal(literal, protocol, port, egress);
  // A name may lead into a network of allowCidrs, where there is one.
  const isNamedNetwork = allowCidrs.length > 0;
  if (protocol === 'http:' && !isNamedNetwork) return plainHttp;
  return portRefusal(portOf(protocol, port), { isNamedNetwork, allowPorts });
}

/**
 * The URL of an outgoing call, as text or as a `Secret`; with `isBase` one that paths are added to. Refused at load is
 * what the guard would refuse at each call: a literal address that is not public and not in the `allowCidrs` of the
 * same options, a port, plain http.
 */
export function IsOutgoingUrl({ isBase = false }: { readonly isBase?: boolean } = {}): PropertyDecorator {
  const rule = ValidateBy({
    name: 'isOutgoingUrl',
    validator: {
      validate: (value, args) => complaintAbout(value, isBase, args?.object) === undefined,
      defaultMessage: (args) => `$property ${complaintAbout(args?.value, isBase, args?.object) ?? ''}`,
    },
  });
  const schema = JSONSchema(() => ({ type: 'string', format: 'uri' }));
  return (target, key) => {
    rule(target, String(key));
    schema(target, String(key));
  };
}

function complaintAbout(value: unknown, isBase: boolean, options: Guarded = {}): string | undefined {
  const text = value instanceof Secret ? value.reveal() : value;
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined;
  const isWhole = url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.password + url.hash === '';
  if (typeof text !== 'string' || !isWhole || (isBase && url.search !== '')) {
    return isBase
      ? 'must be a base URL such as https://proxy.example.com, without credentials, query and fragment'
      : 'must be a URL such as https://hooks.example.com/signalbox, without credentials and fragment';
  }
  try {
    const refusal = urlRefusal(text, options);
    return refusal === undefined ? undefined : `cannot be called: ${refusal}`;
  } catch {
    return undefined; // Networks that are none have a complaint of their own.
  }
}

/** Ports that a sink may call at public addresses, beside the usual ones: one or a list. */
export function IsPorts(): PropertyDecorator {
  const isPort = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
  const rule = ValidateBy(
    {
      name: 'isPort',
      validator: { validate: isPort, defaultMessage: () => '$property must hold ports, 1 to 65535' },
    },
    { each: true },
  );
  const schema = JSONSchema(() => ({ type: 'array', items: { type: 'integer', minimum: 1, maximum: 65_535 } }));
  return (target, key) => {
    rule(target, String(key));
    schema(target, String(key));
  };
}
