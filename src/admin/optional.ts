import { applyDecorators } from '@nestjs/common';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsNumber, IsOptional, IsString, MaxLength } from 'class-validator';

/** Members that queries and bodies of the admin side share. */

const maxName = 200;
const rfc3339 = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** An RFC 3339 time that may be left out: milliseconds since the epoch in the instance. */
export function OptionalTime(description: string): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional({ type: String, format: 'date-time', description }),
    IsOptional(),
    Transform(({ value }: { value: unknown }): unknown =>
      typeof value === 'string' && rfc3339.test(value) ? Date.parse(value) : Number.NaN,
    ),
    IsNumber({}, { message: '$property must be a time such as 2026-03-01T10:00:00Z' }),
  );
}

/** The name of a source or a sink, which may be left out. */
export function OptionalName(description?: string): PropertyDecorator {
  return applyDecorators(
    ApiPropertyOptional(description === undefined ? {} : { description }),
    IsOptional(),
    IsString(),
    MaxLength(maxName),
  );
}
