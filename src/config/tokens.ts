import { plainToInstance, Transform } from 'class-transformer';
import { IsIn, IsOptional, Matches, ValidateBy, ValidateIf, ValidateNested } from 'class-validator';
import { JSONSchema, targetConstructorToSchema } from 'class-validator-jsonschema';
import { hash } from 'node:crypto';
import { roles, type Role } from '../core/role.js';
import { Secret } from '../core/secret.js';
import { IsSecret } from '../kit/options.js';

const hint =
  '$property must be a token, best as ${ENV_NAME} or ${file:/path/to/secret}, or { name, role, sha256 } as "signalbox token" prints it';

/** One of `admin.tokens`: the token, or only its digest, so that the file holds no secret. */
export class TokenOptions {
  /** Who is written to the audit log. */
  @Matches(/^[\w.@-]{1,63}$/, { message: '$property must be letters, digits and . _ @ -, 63 at most' })
  name!: string;

  @IsIn(roles)
  role!: Role;

  @ValidateIf(({ token }: TokenOptions) => token === undefined)
  @Matches(/^[0-9a-f]{64}$/i, {
    message: '$property must be 64 hex digits, as "signalbox token" prints them, unless there is a token',
  })
  sha256?: string;

  @IsOptional()
  @IsSecret()
  @ValidateBy({
    name: 'isAlone',
    validator: {
      validate: (_value, args) => (args?.object as TokenOptions).sha256 === undefined,
      defaultMessage: () => '$property must not stand beside sha256: keep one of them',
    },
  })
  token?: Secret;
}

/** SHA-256 of the token's UTF-8 bytes: by it alone it is known once the config is read. */
export function tokenDigest({ sha256 = '', token }: TokenOptions): Buffer {
  return token ? hash('sha256', token.reveal(), 'buffer') : Buffer.from(sha256, 'hex');
}

/** One token or a list of them; one that is only a text is an admin by the name of `token-` and its place. */
export function IsTokens(): PropertyDecorator {
  const decorators: readonly ((target: object, key: string) => void)[] = [
    Transform(({ value }) => toTokens(value), { toClassOnly: true }),
    ValidateNested({ each: true, message: hint }),
    JSONSchema((_schema, options) => {
      const block = { ...targetConstructorToSchema(TokenOptions, options), additionalProperties: false };
      const text = { type: 'string' as const, minLength: 1, writeOnly: true };
      return { oneOf: [text, { type: 'array', minItems: 1, items: { oneOf: [text, block] } }] };
    }),
  ];
  return (target, key) => {
    for (const decorate of decorators) decorate(target, String(key));
  };
}

function toTokens(value: unknown): unknown {
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map(toToken);
}

function toToken(value: unknown, index: number): unknown {
  if (typeof value === 'object' && value !== null) return plainToInstance(TokenOptions, value);
  if (typeof value !== 'string' || value === '') return value;
  const name = `token-${index + 1}`;
  return Object.assign(new TokenOptions(), { name, role: 'admin', token: new Secret(value) });
}
