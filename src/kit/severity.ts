import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { severities, type Severity } from '../core/alert.js';
import { isObject, oneOf, type Flags } from './read.js';

/** Severities by the vendor's word, in lower case. */
export type SeverityTable = Readonly<Record<string, Severity>>;

/**
 * Makes the function that reads a vendor's severity word or number. The configured table (`SourceOptions.severities`)
 * wins and is flagged `severity_overridden`; what neither table knows is `unknown`, flagged `severity_unmapped`.
 */
export function severityReader(
  table: SeverityTable,
  configured: SeverityTable = {},
): (word: unknown, flags: Flags) => Severity {
  return (word, flags) => {
    const override = oneOf(word, configured);
    if (override !== undefined) {
      flags.add('severity_overridden');
      return override;
    }
    const severity = oneOf(word, table);
    if (severity === undefined) flags.add('severity_unmapped');
    return severity ?? 'unknown';
  };
}

/** An option that maps a vendor's words to our severities; the words are in lower case in the instance. */
export function IsSeverityTable(): PropertyDecorator {
  const decorators: readonly ((target: object, key: string) => void)[] = [
    Transform(({ value }) => inLowerCase(value), { toClassOnly: true }),
    ValidateBy({
      name: 'isSeverityTable',
      validator: {
        validate: (value) => isSeverityTable(value),
        defaultMessage: () =>
          `$property must map the vendor's words to ${severities.join(', ')}, such as { '3': medium }`,
      },
    }),
    // A function replaces what would be derived from the property's reflected type, `Object`.
    JSONSchema(() => ({ type: 'object', additionalProperties: { enum: [...severities] } })),
  ];
  return (target, key) => {
    for (const decorate of decorators) decorate(target, String(key));
  };
}

function inLowerCase(value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([word, severity]) => [word.trim().toLowerCase(), severity]));
}

function isSeverityTable(value: unknown): value is SeverityTable {
  return (
    isObject(value) && Object.values(value).every((severity) => (severities as readonly unknown[]).includes(severity))
  );
}
