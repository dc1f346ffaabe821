import 'reflect-metadata';
import { plainToInstance, type TypeMetadata } from 'class-transformer';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { ValidationTypes } from 'class-validator';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import type { OptionsClass } from '../core/source.js';
import { RouteOptions } from '../routing/route.js';
import { describeOptions } from './describe.js';
import { knownPlugins, type Plugins } from './plugins.js';
import { Settings } from './settings.js';

/** A JSON Schema (draft 7, which editors know best). */
export type Schema = { readonly [key: string]: unknown };

/** The schema of a config file, from the classes that the loader holds it against. For editors; the loader knows more. */
export function configSchema(plugins: Plugins = knownPlugins): Schema {
  const { properties, ...settings } = blockSchema(Settings);
  const schema = tidy({
    ...settings,
    properties: {
      ...(properties as Schema),
      journal: anyPlugin('journal', plugins.journals),
      sources: named(anyPlugin('source', plugins.sources, ['auth', 'pull'])),
      sinks: named(anyPlugin('sink', plugins.sinks)),
      routes: { type: 'array', items: { $ref: '#/definitions/route' } },
    },
    definitions: {
      route: blockSchema(RouteOptions),
      ...definitions('journal', plugins.journals),
      ...definitions('source', plugins.sources),
      ...definitions('sink', plugins.sinks),
    },
  });
  const variable = {
    type: 'string',
    pattern: '\\$\\{[^{}]+\\}',
    description: 'filled in from the environment, a default or a file: ${NAME}, ${NAME:-default}, ${file:PATH}',
  };
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Signalbox config',
    ...schema,
    definitions: { variable, ...(schema['definitions'] as Schema) },
  };
}

type AnyPlugin = { readonly type: string; readonly options: OptionsClass<object> };

function named(block: Schema): Schema {
  return { type: 'object', propertyNames: { pattern: '^[a-z0-9][a-z0-9-]{0,62}$' }, additionalProperties: block };
}

/** A block whose `type` says which definition holds. Of the keys in `oneOf` it must have one at least. */
function anyPlugin(kind: string, plugins: readonly AnyPlugin[], oneOf: readonly string[] = []): Schema {
  return {
    type: 'object',
    required: ['type'],
    properties: { type: { enum: plugins.map(({ type }) => type) } },
    allOf: [
      ...(oneOf.length > 0 ? [{ anyOf: oneOf.map((key) => ({ required: [key] })) }] : []),
      ...plugins.map(({ type }) => ({
        if: { properties: { type: { const: type } }, required: ['type'] },
        then: { $ref: `#/definitions/${kind}-${type}` },
      })),
    ],
  };
}

function definitions(kind: string, plugins: readonly AnyPlugin[]): Schema {
  const entries = plugins.map(({ type, options }) => {
    const { properties, ...block } = blockSchema(options);
    return [`${kind}-${type}`, { ...block, properties: { type: { const: type }, ...(properties as Schema) } }];
  });
  return Object.fromEntries(entries) as Schema;
}

/** The schema of an option class: what has a default need not be written, and nothing else may be. */
function blockSchema(type: OptionsClass<object>): Schema {
  const { properties, required, ...block }: Schema = {
    ...targetConstructorToSchema(type, {
      additionalConverters: {
        [ValidationTypes.NESTED_VALIDATION]: nestedSchema,
        [ValidationTypes.CUSTOM_VALIDATION]: declaredSchema,
      },
    }),
  };
  const presets = describeOptions(new type(), []);
  const options = Object.entries((properties ?? {}) as Record<string, Schema>).map(([key, option]) => {
    const preset = typeof presets[key] === 'object' || presets[key] === undefined ? {} : { default: presets[key] };
    return [
      key,
      { ...(takesOneForMany(type, key, option) ? { anyOf: [option['items'], option] } : option), ...preset },
    ];
  });
  const needed = ((required ?? []) as readonly string[]).filter((key) => !(key in presets));
  return {
    ...block,
    ...(needed.length > 0 && { required: needed }),
    properties: Object.fromEntries(options) as Schema,
    additionalProperties: false,
  };
}

/** A block inside a block, as class-transformer makes it: of one class, or of one of several by a discriminating key. */
function nestedSchema(metadata: { target: NewableFunction | string; propertyName: string }): Schema {
  const { target, propertyName } = metadata;
  if (typeof target === 'string') return {};
  const typed = defaultMetadataStorage.findTypeMetadata(target, propertyName) as TypeMetadata | undefined;
  const discriminator = typed?.options.discriminator;
  if (discriminator) {
    const branches = discriminator.subTypes.map(({ name, value }) => {
      const { properties, ...block } = blockSchema(value);
      return { ...block, properties: { ...(properties as Schema), [discriminator.property]: { const: name } } };
    });
    return { anyOf: branches };
  }
  const declared: unknown =
    typed?.typeFunction() ?? Reflect.getMetadata('design:type', target.prototype as object, propertyName);
  return isOptionsClass(declared) ? blockSchema(declared) : {};
}

/** What is known of an option whose rule the library does not know: the type of the property, if it is a plain one. */
function declaredSchema({ target, propertyName }: { target: NewableFunction | string; propertyName: string }): Schema {
  const prototype = typeof target === 'string' ? {} : (target.prototype as object);
  const declared: unknown = Reflect.getMetadata('design:type', prototype, propertyName);
  if (declared === String) return { type: 'string' };
  if (declared === Number) return { type: 'number' };
  return declared === Boolean ? { type: 'boolean' } : {};
}

function isOptionsClass(value: unknown): value is OptionsClass<object> {
  return typeof value === 'function' && value !== Object && value !== Array;
}

/** True for lists that may be written as their one element, unless the option says itself how it may be written. */
function takesOneForMany(type: OptionsClass<object>, key: string, option: Schema): boolean {
  if (option['type'] !== 'array' || 'oneOf' in option) return false;
  const made: unknown = Reflect.get(plainToInstance(type, { [key]: 'one' }), key);
  return Array.isArray(made);
}

/**
 * Makes a schema fit what people write. Where the decorators say in so many words which forms there are (`oneOf`), what
 * the library guessed beside it goes; and wherever more than a text is asked for, a variable will do.
 */
function tidy(schema: Schema): Schema {
  const { oneOf, anyOf = oneOf, not: _not, description, default: preset, ...rest } = mapSchemas(schema, tidy);
  const notes = { ...(description !== undefined && { description }), ...(preset !== undefined && { default: preset }) };
  if (anyOf !== undefined) return { anyOf, ...notes };
  return takesVariable(rest) ? { anyOf: [rest, { $ref: '#/definitions/variable' }], ...notes } : { ...rest, ...notes };
}

function takesVariable({ type, enum: choice, pattern, format }: Schema): boolean {
  if (Array.isArray(choice)) return choice.length > 1;
  return ['integer', 'number', 'boolean'].includes(String(type)) || pattern !== undefined || format !== undefined;
}

/** Applies a function to every schema directly inside one. */
function mapSchemas(schema: Schema, change: (schema: Schema) => Schema): Schema {
  const entries = Object.entries(schema).map(([key, value]) => {
    if (['items', 'additionalProperties', 'then'].includes(key) && isSchema(value)) return [key, change(value)];
    if (['oneOf', 'anyOf', 'allOf'].includes(key)) return [key, (value as readonly Schema[]).map(change)];
    if (['properties', 'definitions'].includes(key)) {
      return [
        key,
        Object.fromEntries(Object.entries(value as Schema).map(([name, inside]) => [name, change(inside as Schema)])),
      ];
    }
    return [key, value];
  });
  return Object.fromEntries(entries) as Schema;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
