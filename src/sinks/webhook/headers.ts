import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { Secret } from '../../core/secret.js';

/** Header names in lower case, and their values: each may be a credential. */
export type Headers = Readonly<Record<string, Secret>>;

const maxHeaders = 30;

/** A block of header names and values in YAML. What we or HTTP set ourselves cannot be set. */
export function IsHeaders(): PropertyDecorator {
  const convert = Transform(({ value }: { value: unknown }) => toHeaders(value), { toClassOnly: true });
  const rule = ValidateBy({
    name: 'isHeaders',
    validator: {
      validate: (value) => complaintAbout(value) === undefined,
      defaultMessage: (args) => `$property ${complaintAbout(args?.value) ?? ''}`,
    },
  });
  const schema = JSONSchema(() => ({
    type: 'object',
    maxProperties: maxHeaders,
    additionalProperties: { type: 'string', writeOnly: true },
  }));
  return (target, key) => {
    for (const decorate of [convert, rule, schema]) decorate(target, String(key));
  };
}

/** What is no block of texts stays as it is, so that validation can name it. */
function toHeaders(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([name, text]: [string, unknown]) => [
    name.toLowerCase(),
    typeof text === 'string' ? new Secret(text) : text,
  ]);
  return Object.fromEntries(entries) as unknown;
}

function complaintAbout(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be a block of names and values';
  const headers = Object.entries(value) as [string, unknown][];
  if (headers.length > maxHeaders) return `must not hold more than ${maxHeaders} headers`;
  return headers.map(([name, text]) => complaintOf(name, text)).find((complaint) => complaint !== undefined);
}

function complaintOf(name: string, text: unknown): string | undefined {
  if (!isTaken(validateHeaderName, name)) return `must hold names of headers, which ${JSON.stringify(name)} is not`;
  if (isOurs.test(name))
    return `must not hold ${name}: ${name === 'content-type' ? 'use contentType' : 'it is set by the router'}`;
  if (!(text instanceof Secret)) return `must hold text for ${name}: put it in quotes`;
  if (!isTaken(validateHeaderValue, name, text.reveal())) return `holds a value for ${name} that no header can carry`;
  return undefined;
}

/** Those of Standard Webhooks, and those that frame the message or belong to the connection (RFC 9110 §7.6.1). */
const isOurs =
  /^(?:webhook-.*|content-type|content-length|content-encoding|host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect)$/;

function isTaken<Values extends readonly string[]>(validate: (...values: Values) => void, ...values: Values): boolean {
  try {
    validate(...values);
    return true;
  } catch {
    return false;
  }
}
