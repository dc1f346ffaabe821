import { Transform } from 'class-transformer';
import { IsNumber } from 'class-validator';

/** An RFC 3339 time in a query or a body: milliseconds since the epoch in the instance. */
export function IsTime(): PropertyDecorator {
  const rfc3339 = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;
  const read = ({ value }: { value: unknown }): unknown =>
    typeof value === 'string' && rfc3339.test(value) ? Date.parse(value) : Number.NaN;
  const message = '$property must be a time such as 2026-03-01T10:00:00Z';
  return (target, key) => {
    Transform(read)(target, key);
    IsNumber({}, { message })(target, String(key));
  };
}
