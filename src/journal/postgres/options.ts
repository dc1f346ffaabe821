import { IsBoolean, IsInt, Max, Min, ValidateBy } from 'class-validator';
import { Secret } from '../../core/secret.js';
import { JournalOptions } from '../../kit/journal-options.js';
import { IsDuration, IsSecret } from '../../kit/options.js';

export class PostgresOptions extends JournalOptions {
  /** `postgres://user:password@host:port/database`; a secret, since it holds the password. */
  @IsSecret() @IsPostgresUrl() url!: Secret;

  /** TLS, with the server's certificate verified. `false` only for a server on loopback or in a private network. */
  @IsBoolean() ssl: boolean = true;

  /** The most connections of this router. */
  @IsInt() @Min(2) @Max(100) pool: number = 8;

  /** How long a statement may take, and a webhook wait for the database, before it is answered 503. */
  @IsDuration({ minMs: 1_000, maxMs: 60_000 }) timeout: number = 8_000;

  /** Starts on a server whose `fsync` or `synchronous_commit` is off: what it answered 202 may then be lost. */
  @IsBoolean() acceptWeakDurability: boolean = false;
}

function IsPostgresUrl(): PropertyDecorator {
  return ValidateBy({
    name: 'isPostgresUrl',
    validator: {
      // What is no secret at all is named by IsSecret.
      validate: (value) => !(value instanceof Secret) || isPostgresUrl(value.reveal()),
      defaultMessage: () => '$property must be postgres://user:password@host:port/database',
    },
  });
}

function isPostgresUrl(text: string): boolean {
  return URL.canParse(text) && /^postgres(?:ql)?:$/.test(new URL(text).protocol) && new URL(text).hostname !== '';
}
