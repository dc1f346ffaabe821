import { present } from '../../kit/present.js';
import { field, isObject, number, text, type Flags } from '../../kit/read.js';

/** `{event: {type, version, data}, time, host}`, taken apart. */
export type VendorEvent = {
  /** As sent, e.g. `MOBILE_SECURE__USER_CREATED`. */
  readonly type: string | undefined;
  /** What stands before `__`, in words: `Mobile Secure`. */
  readonly product: string | undefined;
  /** What stands behind it, in upper case: `USER_CREATED`; empty without a type. */
  readonly name: string;
  readonly subject: Subject;
  /** What is no object is the one member `data` of this one. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Seconds since the epoch. */
  readonly time: unknown;
  readonly host: unknown;
  readonly version: unknown;
  /** No event was sent: it is what the Results API has. */
  readonly isFromApi: boolean;
};

/** What an event is about. */
export type Subject = 'violation' | 'finding' | 'target' | 'note' | 'discovery' | 'user' | 'attack' | 'unknown';

/** The only names that the vendor's samples show; it describes others in prose, and may rename any: the hook is beta. */
const confirmed: ReadonlySet<string> = new Set([
  'API_SECURE__POLICY_VIOLATION_RESOLVED',
  'MOBILE_SECURE__USER_CREATED',
  'MOBILE_SECURE__USER_DELETED',
  'MOBILE_SECURE__USER_LOGIN_FAILED',
  'MOBILE_SECURE__USER_LOGIN_SUCCESSFUL',
]);

/**
 * Takes the envelope apart; nothing where `event` is no object or holds neither a type nor data.
 *
 * Flags: `version_unknown` (not 1, the only one known), `type_missing`, `type_unconfirmed` (no sample shows this name),
 * `type_unknown` (nothing tells what it is about).
 */
export function readEvent(body: unknown, flags: Flags): VendorEvent | undefined {
  const event = field(body, 'event');
  const type = text(field(event, 'type'));
  const data = field(event, 'data');
  if (type === undefined && !isObject(data)) return undefined;
  const version = field(event, 'version');
  const [prefix, ...rest] = (type ?? '').toUpperCase().split('__');
  const name = rest.length > 0 ? rest.join('__') : (prefix ?? '');
  const product = rest.length > 0 ? prefix : undefined;
  const known = isObject(data) ? data : present({ data: data ?? undefined });
  const subject = subjectOf(product ?? '', name, known);
  if (number(version) !== 1) flags.add('version_unknown');
  if (type === undefined) flags.add('type_missing');
  else if (!confirmed.has(type)) flags.add(subject === 'unknown' ? 'type_unknown' : 'type_unconfirmed');
  return {
    type,
    product: product === undefined ? undefined : inWords(product),
    name,
    subject,
    data: known,
    time: field(body, 'time'),
    host: field(body, 'host'),
    version,
    isFromApi: false,
  };
}

/** By the name, and where that says nothing, by what only one kind of event carries. */
function subjectOf(product: string, name: string, data: VendorEvent['data']): Subject {
  if (name.startsWith('USER_')) return 'user';
  if (name.startsWith('POLICY_VIOLATION')) return 'violation';
  if (name.endsWith('_DISCOVERED')) return 'discovery';
  if (/(^|_)NOTE(_|$)/.test(name)) return 'note';
  if (/(^|_)TARGET(_|$)/.test(name)) return 'target';
  if (/(^|_)FINDING(_|$)/.test(name)) return 'finding';
  if (Object.hasOwn(data, 'policy_violation_status')) return 'violation';
  if (Object.hasOwn(data, 'user_login_email')) return 'user';
  return product.endsWith('_PROTECT') ? 'attack' : 'unknown';
}

/** `MOBILE_SECURE`: `Mobile Secure`; `API_SECURE`: `API Secure`. */
function inWords(prefix: string): string | undefined {
  if (!/^[A-Z]+(_[A-Z]+){0,3}$/.test(prefix)) return undefined;
  const words = prefix.split('_').map((word) => (word === 'API' ? word : word.charAt(0) + word.slice(1).toLowerCase()));
  return words.join(' ');
}

/** `USER_LOGIN_FAILED`: `User login failed`. */
export function sentenceOf({ name }: VendorEvent): string {
  const words = name.replace(/_+/g, ' ').trim().toLowerCase();
  return words === '' ? 'Event' : words.charAt(0).toUpperCase() + words.slice(1);
}
