import { ArrayNotEmpty, IsIn, IsInt, IsOptional, IsString, Matches, Max, Min, ValidateBy } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { Secret } from '../../core/secret.js';
import { EgressSinkOptions } from '../../kit/egress-options.js';
import { IsSecret } from '../../kit/options.js';
import { IsOutgoingUrl } from '../../kit/target.js';
import { IsHeaders, type Headers } from './headers.js';
import { isSigningSecret } from './signature.js';
import { compileTemplate, type Format } from './template.js';

export const formats = ['alert', 'ocsf'] as const satisfies readonly Format[];
export const methods = ['POST', 'PUT'] as const;

/** The block of a sink of `type: webhook`. */
export class WebhookOptions extends EgressSinkOptions {
  /** Where alerts go. Kept as a credential: many a URL is one. */
  @IsSecret()
  @IsOutgoingUrl()
  url!: Secret;

  @IsIn(methods)
  method: (typeof methods)[number] = 'POST';

  /** The body: the alert as Signalbox has it, or the same as an OCSF finding. */
  @IsIn(formats)
  format: Format = 'alert';

  /** A Liquid template that writes the body instead. */
  @IsOptional()
  @IsString()
  @IsTemplate()
  body?: string;

  @Matches(/^[\w.+-]+\/[\w.+-]+(?:; *[\w-]+=[\w.-]+)*$/, {
    message: '$property must be a media type such as application/json or text/plain; charset=utf-8',
  })
  contentType = 'application/json';

  /** Signs each request as Standard Webhooks say; several at once while one takes the other's place. */
  @IsOptional()
  @ArrayNotEmpty()
  @IsSecret({ each: true })
  @ValidateBy(
    {
      name: 'isSigningSecret',
      validator: {
        validate: (value) => value instanceof Secret && isSigningSecret(value.reveal()),
        defaultMessage: () =>
          '$property must be whsec_ and 24 to 64 bytes in base64: echo whsec_$(openssl rand -base64 32)',
      },
    },
    { each: true },
  )
  secret?: readonly Secret[];

  /** Sent with each request. */
  @IsOptional()
  @IsHeaders()
  headers?: Headers;

  /** Requests at a time. */
  @IsInt()
  @Min(1)
  @Max(100)
  concurrency = 8;
}

/** A template that compiles and writes a body for sample alerts. */
function IsTemplate(): PropertyDecorator {
  const complaintAbout = (value: unknown, options: object | undefined): string | undefined => {
    const { contentType, format } = options as Partial<WebhookOptions>;
    if (typeof value !== 'string' || typeof contentType !== 'string') return undefined;
    try {
      compileTemplate(value, contentType, format ?? 'alert');
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : 'it cannot be used';
    }
  };
  const rule = ValidateBy({
    name: 'isTemplate',
    validator: {
      validate: (value, args) => complaintAbout(value, args?.object) === undefined,
      defaultMessage: (args) =>
        `$property: the template has a mistake: ${complaintAbout(args?.value, args?.object) ?? ''}`,
    },
  });
  const schema = JSONSchema(() => ({ type: 'string' }));
  return (target, key) => {
    rule(target, String(key));
    schema(target, String(key));
  };
}
