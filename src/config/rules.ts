import { getMetadataStorage, ValidationTypes, type MetadataStorage, type ValidationError } from 'class-validator';
import { nearest } from './nearest.js';

type Metadata = ReturnType<MetadataStorage['getTargetValidationMetadatas']>[number];

/** A rule that a value breaks, as its class states it. */
export type BrokenRule = {
  /** `must be a whole number`: goes on from the value's name; or a sentence of its own. */
  readonly words: string;
  /** For rules that hold for each element of a list: whether it holds for this one. */
  readonly holdsFor?: (element: unknown) => boolean;
  /** For rules that list what is allowed. */
  readonly allowed?: readonly unknown[];
  readonly wants?: 'text' | 'number';
  /** False for the plain rules about types and sizes, which say less than those made for the option. */
  readonly isOwn: boolean;
};

/** The keys that a class has options for. */
export function keysOf(type: NewableFunction): readonly string[] {
  return [...new Set(metadataOf(type).map((metadata) => metadata.propertyName))];
}

/** Whether an option of a class has a rule of this name. */
export function hasRule(type: NewableFunction, key: string, rule: string): boolean {
  return metadataOf(type).some(
    (metadata) => metadata.propertyName === key && (metadata.name ?? metadata.type) === rule,
  );
}

/** The rules an error tells of, in the order the class has them. */
export function brokenRules(error: ValidationError): readonly BrokenRule[] {
  const owner: object = error.target ?? {};
  const declared = metadataOf(owner.constructor).filter((metadata) => metadata.propertyName === error.property);
  const rules = Object.entries(error.constraints ?? {}).map(([name, message]) => {
    const position = declared.findIndex((metadata) => (metadata.name ?? metadata.type) === name);
    const metadata = declared[position];
    return {
      position,
      rule: metadata
        ? toRule(metadata, name, message, owner)
        : { words: message.replace(/^\w+ (?=must )/, ''), isOwn: true },
    };
  });
  // Decorators run from the bottom up: the last one registered is the first one written.
  return rules.sort((a, b) => b.position - a.position).map(({ rule }) => rule);
}

/** What a value must be that is not there: the rules made for the option when there are any, else all. */
export function wordsForMissing(rules: readonly BrokenRule[]): string {
  const own = rules.filter((rule) => rule.isOwn);
  return joinWords(own.length > 0 ? own : rules);
}

/** `must be a whole number, at least 0 and at most 65535` from the rules one by one. */
export function joinWords(rules: readonly BrokenRule[]): string {
  const [first = 'cannot be used', ...rest] = [...new Set(rules.map((rule) => rule.words))];
  const beginning = 'must be ';
  const isAlike = [first, ...rest].every((words) => words.startsWith(beginning));
  const parts = [first, ...rest.map((words) => (isAlike ? words.slice(beginning.length) : words))];
  return parts.length < 2 ? first : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;
}

/** What else helps with this value; empty when nothing does. Never holds the value. */
export function hint(rules: readonly BrokenRule[], value: unknown): string {
  for (const { words, allowed, wants } of rules) {
    if (allowed && typeof value === 'string') {
      const meant = nearest(value, allowed.map(String));
      // A message that does not list the choice knows better what was meant.
      if (meant !== undefined && words.includes(meant)) return `; did you mean ${JSON.stringify(meant)}?`;
    }
    if (wants === 'text' && (typeof value === 'number' || typeof value === 'boolean')) return '; put it in quotes';
    if (wants === 'number' && typeof value === 'string' && Number.isFinite(Number.parseFloat(value))) {
      return '; write it without quotes and units';
    }
  }
  return '';
}

function toRule(metadata: Metadata, name: string, message: string, owner: object): BrokenRule {
  // Nested validation has none, whatever the type says.
  const [values] = (metadata.constraints as readonly unknown[] | undefined) ?? [];
  const plain = hasOwnMessage(metadata) ? undefined : plainWords(name, values);
  return {
    words: plain ?? withoutName(message, metadata),
    isOwn: plain === undefined,
    ...(metadata.each && { holdsFor: (element: unknown) => holds(metadata, element, owner) }),
    ...(name === 'isIn' && Array.isArray(values) && { allowed: values }),
    ...(textRules.has(name) && { wants: 'text' as const }),
    ...(numberRules.has(name) && { wants: 'number' as const }),
  };
}

const textRules: ReadonlySet<string> = new Set(['isString', 'isSecret', 'matches', 'isNotEmpty']);
const numberRules: ReadonlySet<string> = new Set(['isInt', 'isNumber', 'min', 'max']);

function plainWords(name: string, values: unknown): string | undefined {
  switch (name) {
    case 'isString':
      return 'must be text';
    case 'isInt':
      return 'must be a whole number';
    case 'isNumber':
      return 'must be a number';
    case 'isBoolean':
      return 'must be true or false';
    case 'isArray':
      return 'must be a list';
    case 'isObject':
    case 'nestedValidation':
      return 'must be a block of keys';
    case 'isNotEmpty':
    case 'arrayNotEmpty':
      return 'must not be empty';
    case 'min':
      return `must be at least ${String(values)}`;
    case 'max':
      return `must be at most ${String(values)}`;
    case 'isIn':
      return Array.isArray(values) ? `must be one of ${values.map(String).join(', ')}` : undefined;
    default:
      return undefined;
  }
}

/** class-validator gives nested validation a message where all other rules have none unless their author wrote it. */
function hasOwnMessage({ message }: Metadata): boolean {
  return Boolean(message) && !String(message).startsWith('nested property ');
}

/** The messages of class-validator begin with the property's name; the path will stand there. */
function withoutName(message: string, { propertyName }: Metadata): string {
  const begin = [`each value in ${propertyName} `, `${propertyName}: `, `${propertyName} `].find((text) =>
    message.startsWith(text),
  );
  return begin === undefined ? message : message.slice(begin.length);
}

function holds(metadata: Metadata, element: unknown, object: object): boolean {
  const args = {
    value: element,
    object,
    property: metadata.propertyName,
    targetName: object.constructor.name,
    constraints: metadata.constraints,
  };
  return getMetadataStorage()
    .getTargetValidatorConstraints(metadata.constraintCls)
    .every((constraint) => constraint.instance.validate(element, args) === true);
}

/** By class. They are complete once the class is, and dear to gather: a config of 10,000 routes asks 50,000 times. */
const gathered = new WeakMap<NewableFunction, readonly Metadata[]>();

/** Own rules and inherited ones. */
function metadataOf(type: NewableFunction): readonly Metadata[] {
  const known = gathered.get(type);
  if (known) return known;
  const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', true, false);
  gathered.set(type, rules);
  return rules;
}

const singleBlocks = new WeakMap<NewableFunction, ReadonlySet<string>>();

/** The keys for which a class wants one block, described by a class of its own. */
export function singleBlocksOf(type: NewableFunction): ReadonlySet<string> {
  const known = singleBlocks.get(type);
  if (known) return known;
  const nested = metadataOf(type).filter((rule) => rule.type === ValidationTypes.NESTED_VALIDATION && !rule.each);
  const keys = nested.map(({ propertyName }) => propertyName);
  const single = new Set(
    keys.filter((key) => {
      const declared: unknown = Reflect.getMetadata('design:type', type.prototype as object, key);
      return declared !== Array && declared !== Object;
    }),
  );
  singleBlocks.set(type, single);
  return single;
}
