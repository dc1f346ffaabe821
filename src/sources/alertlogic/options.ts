import { IsOptional, ValidateBy } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { SourceOptions } from '../../kit/source-options.js';
import { mappedFields, mappingProblems, type MappingOptions } from './mapping.js';

export class AlertLogicOptions extends SourceOptions {
  /** For a template of your own: where in what it sends each field of the alert stands. */
  @IsOptional()
  @IsMapping()
  mapping?: MappingOptions;
}

function IsMapping(): PropertyDecorator {
  const decorators: readonly ((target: object, key: string) => void)[] = [
    ValidateBy({
      name: 'isMapping',
      validator: {
        validate: (value) => mappingProblems(value).length === 0,
        defaultMessage: (args) => `$property: ${mappingProblems(args?.value).join('; ')}`,
      },
    }),
    // A function replaces what would be derived from the property's reflected type, `Object`.
    JSONSchema(() => ({
      type: 'object',
      additionalProperties: false,
      required: ['title'],
      properties: Object.fromEntries(
        mappedFields.map((name) => [name, { type: 'string', description: `JSON path to the alert's ${name}` }]),
      ),
    })),
  ];
  return (target, key) => {
    for (const decorate of decorators) decorate(target, String(key));
  };
}
