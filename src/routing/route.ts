import { Transform, Type } from 'class-transformer';
import {
  ArrayNotEmpty,
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  ValidateBy,
  ValidateNested,
} from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { kinds, severities, states, type Kind, type NewAlert, type Severity, type State } from '../core/alert.js';
import { OneOrMany } from '../kit/options.js';
import { compilePattern, type Pattern } from './pattern.js';

const comparison = /^(>=|<=|>|<)\s*(\w+)$/;
const patternWanted = 'a text, a glob with *, or /regex/ in RE2 syntax';

/** The conditions of a route. All given must hold; of a list, any one. */
export class MatchOptions {
  /** Names of configured sources. */
  @IsOptional()
  @OneOrMany()
  @IsString({ each: true })
  @JSONSchema(oneOrMany({ type: 'string' }, 'name of a configured source'))
  source?: string[];

  /** The vendor, e.g. `threatstack`. */
  @IsOptional()
  @OneOrMany()
  @IsString({ each: true })
  @JSONSchema(oneOrMany({ type: 'string' }, 'vendor, e.g. threatstack'))
  vendor?: string[];

  @IsOptional()
  @OneOrMany()
  @IsIn(kinds, { each: true, message: `$property must be one of ${kinds.join(', ')}` })
  @JSONSchema(oneOrMany({ enum: [...kinds] }, 'kind of alert'))
  kind?: Kind[];

  @IsOptional()
  @OneOrMany()
  @IsIn(states, { each: true, message: `$property must be one of ${states.join(', ')}` })
  @JSONSchema(oneOrMany({ enum: [...states] }, 'state of the finding'))
  state?: State[];

  /** Words or comparisons: `high`, `[high, critical]`, `">=medium"`. */
  @IsOptional()
  @OneOrMany()
  @ValidateBy(
    {
      name: 'isSeverityCondition',
      validator: {
        validate: (value) => typeof value === 'string' && (severitiesOf(value)?.length ?? 0) > 0,
        defaultMessage: () =>
          `$property must be one of ${severities.join(', ')}, or a comparison in quotes such as ">=medium"`,
      },
    },
    { each: true },
  )
  @JSONSchema(oneOrMany({ type: 'string' }, 'high, [high, critical] or ">=medium"'))
  severity?: string[];

  @IsOptional()
  @OneOrMany()
  @IsPattern()
  @JSONSchema(oneOrMany({ type: 'string' }, `title of the alert: ${patternWanted}`))
  title?: string[];

  /** Label name to pattern: held against the labels of the alert's resources and its `name:value` tags. */
  @IsOptional()
  @IsObject()
  // Not `value`: class-transformer leaves out keys such as `toString`, and the route would take every alert.
  @Transform(({ obj }: { obj: { labels?: unknown } }) => eachValue(obj.labels), { toClassOnly: true })
  @IsLabelPatterns()
  @JSONSchema({
    type: 'object',
    additionalProperties: oneOrMany({ type: 'string' }, patternWanted),
    description: 'labels of the resources and name:value tags',
  })
  labels?: Record<string, string[]>;

  /** The vendor's account, by id or name. */
  @IsOptional()
  @OneOrMany()
  @IsPattern()
  @JSONSchema(oneOrMany({ type: 'string' }, `account id or name: ${patternWanted}`))
  account?: string[];

  /** A resource's id, name, hostname, address or URL. */
  @IsOptional()
  @OneOrMany()
  @IsPattern()
  @JSONSchema(oneOrMany({ type: 'string' }, `id, name, hostname, address or URL of a resource: ${patternWanted}`))
  resource?: string[];

  /** A flag in the alert's `quality`, e.g. `unverified`. */
  @IsOptional()
  @OneOrMany()
  @IsPattern()
  @JSONSchema(oneOrMany({ type: 'string' }, `flag of the alert, e.g. unverified: ${patternWanted}`))
  quality?: string[];
}

/** One rule: which alerts go to which sinks. */
export class RouteOptions {
  @IsString()
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: '$property must be lower-case letters, digits and dashes' })
  name!: string;

  /** Absent: every alert but those of kind `test`. */
  @IsOptional()
  @ValidateNested()
  @Type(() => MatchOptions)
  match?: MatchOptions;

  /** Names of configured sinks. */
  @OneOrMany()
  @IsArray()
  @ArrayNotEmpty({ message: '$property must name at least one sink' })
  @IsString({ each: true })
  @JSONSchema(oneOrMany({ type: 'string' }, 'names of configured sinks'))
  to!: string[];

  /** After a match, look at no further route. */
  @IsOptional()
  @IsBoolean()
  final?: boolean;
}

/** The facts of an alert that a condition looks at. */
type Facts = (alert: NewAlert) => readonly string[];

/** One compiled condition of a route. */
export type Condition = {
  readonly field: string;
  /** As written, for people. */
  readonly wanted: string;
  /** Every text it can hold for, when it holds for a few exact ones only: what an index can be made of. */
  readonly exact?: readonly string[];
  readonly facts: Facts;
  holds(alert: NewAlert): boolean;
};

/** The facts of an alert, by the condition that asks for them. */
const factsOf: Readonly<Record<Exclude<keyof MatchOptions, 'labels'>, Facts>> = {
  source: (alert) => [alert.source.sourceId],
  vendor: (alert) => [alert.source.vendor],
  kind: (alert) => [alert.kind],
  state: (alert) => [alert.state],
  severity: (alert) => [alert.severity],
  title: (alert) => [alert.title],
  account: (alert) => present(alert.source.accountId, alert.source.accountName),
  resource: (alert) => alert.resources.flatMap((r) => present(r.id, r.name, r.hostname, r.ip, r.url)),
  quality: (alert) => alert.quality,
};

/** Compiles a route's conditions. The options must have been validated. */
export function conditionsOf(route: RouteOptions): readonly Condition[] {
  const match: Partial<MatchOptions> = route.match ?? {};
  const conditions: Condition[] = [];
  for (const field of ['source', 'vendor', 'kind', 'state'] as const) {
    const words = match[field];
    if (words) conditions.push(wordCondition(field, words, words.join(' or ')));
  }
  if (match.severity) {
    const words = match.severity.flatMap((written) => severitiesOf(written) ?? []);
    conditions.push(wordCondition('severity', words, match.severity.join(' or ')));
  }
  for (const field of ['title', 'account', 'resource', 'quality'] as const) {
    const written = match[field];
    if (written) conditions.push(patternCondition(field, written, factsOf[field]));
  }
  for (const [name, written] of Object.entries(match.labels ?? {})) {
    conditions.push(patternCondition(`labels.${name}`, written, (alert) => labelValues(alert, name)));
  }
  return conditions;
}

/** True when every condition holds. An alert of kind `test` passes only where the route asks for that kind. */
export function matches(conditions: readonly Condition[], alert: NewAlert): boolean {
  if (alert.kind === 'test' && !asksForTests(conditions)) return false;
  for (const condition of conditions) if (!condition.holds(alert)) return false;
  return true;
}

/** Whether a route asks for alerts of kind `test`; all others never see them. */
export function asksForTests(conditions: readonly Condition[]): boolean {
  return conditions.some((condition) => condition.field === 'kind' && condition.exact?.includes('test'));
}

function wordCondition(field: keyof typeof factsOf, words: readonly string[], wanted: string): Condition {
  const facts = factsOf[field];
  const set = new Set(words);
  return { field, wanted, exact: [...set], facts, holds: (alert) => facts(alert).some((fact) => set.has(fact)) };
}

function patternCondition(field: string, written: readonly string[], facts: Facts): Condition {
  const patterns = written.map(compilePattern);
  const exact = exactTexts(patterns);
  return {
    field,
    wanted: written.join(' or '),
    ...(exact && { exact }),
    facts,
    holds: (alert) => facts(alert).some((fact) => patterns.some((pattern) => pattern.holds(fact))),
  };
}

function exactTexts(patterns: readonly Pattern[]): readonly string[] | undefined {
  const texts = patterns.flatMap((pattern) => (pattern.exact === undefined ? [] : [pattern.exact]));
  return texts.length === patterns.length ? texts : undefined;
}

/** The severities that a word or a comparison stands for; undefined when it is neither. */
function severitiesOf(written: string): readonly Severity[] | undefined {
  const [, operator, word = written] = comparison.exec(written.trim()) ?? [];
  const rank = severities.findIndex((severity) => severity === word.trim());
  if (rank < 0) return undefined;
  switch (operator) {
    case '>=':
      return severities.slice(rank);
    case '>':
      return severities.slice(rank + 1);
    case '<=':
      return severities.slice(0, rank + 1);
    case '<':
      return severities.slice(0, rank);
    default:
      return severities.slice(rank, rank + 1);
  }
}

function labelValues(alert: NewAlert, name: string): readonly string[] {
  const values: string[] = [];
  for (const { labels } of alert.resources) {
    const value = labels && Object.hasOwn(labels, name) ? labels[name] : undefined;
    if (value !== undefined) values.push(value);
  }
  for (const tag of alert.tags) if (tag.startsWith(`${name}:`)) values.push(tag.slice(name.length + 1));
  return values;
}

function present(...texts: readonly (string | undefined)[]): string[] {
  return texts.filter((text) => text !== undefined);
}

function eachValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value as Record<string, unknown>);
  return Object.fromEntries(entries.map(([name, written]) => [name, Array.isArray(written) ? written : [written]]));
}

/** What is wrong with a pattern, for people; undefined when nothing is. */
function patternProblem(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return `must be ${patternWanted}`;
  try {
    compilePattern(value);
    return undefined;
  } catch (error) {
    return `has a regular expression that RE2 refuses: ${error instanceof Error ? error.message : 'unreadable'}`;
  }
}

function IsPattern(): PropertyDecorator {
  return ValidateBy(
    {
      name: 'isPattern',
      validator: {
        validate: (value) => patternProblem(value) === undefined,
        defaultMessage: (args) => `$property ${firstProblem(args?.value)}`,
      },
    },
    { each: true },
  );
}

function IsLabelPatterns(): PropertyDecorator {
  const patternsIn = (value: unknown): unknown[] =>
    typeof value === 'object' && value !== null ? Object.values(value).flat() : [];
  return ValidateBy({
    name: 'isLabelPatterns',
    validator: {
      validate: (value) => patternsIn(value).every((pattern) => patternProblem(pattern) === undefined),
      defaultMessage: (args) => `each value of $property ${firstProblem(patternsIn(args?.value))}`,
    },
  });
}

function firstProblem(value: unknown): string {
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.map(patternProblem).find((problem) => problem !== undefined) ?? `must be ${patternWanted}`;
}

function oneOrMany<Schema extends object>(item: Schema, description: string) {
  return { oneOf: [item, { type: 'array' as const, items: item, minItems: 1 }], description };
}
