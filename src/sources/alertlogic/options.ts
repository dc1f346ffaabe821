import { Type } from 'class-transformer';
import { IsObject, IsOptional, ValidateBy, ValidateNested } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { ApiSourceOptions } from '../../kit/source-options.js';
import { AlertLogicApiOptions } from './api-options.js';
import { mappedFields, mappingProblems, type MappingOptions } from './mapping.js';

const apiHint = 'api must be a block such as { accessKeyId: …, secretKey: ${ALERTLOGIC_SECRET_KEY} }';

export class AlertLogicOptions extends ApiSourceOptions {
  /** For a template of your own: where in what it sends each field of the alert stands. */
  @IsOptional()
  @IsMapping()
  mapping?: MappingOptions;

  /** The vendor's API. */
  @IsOptional()
  @Type(() => AlertLogicApiOptions)
  @IsObject({ message: apiHint })
  @ValidateNested({ message: apiHint })
  api?: AlertLogicApiOptions;
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
