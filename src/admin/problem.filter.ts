import {
  BadRequestException,
  Catch,
  HttpException,
  type ArgumentsHost,
  type ExceptionFilter,
  type ValidationError,
} from '@nestjs/common';
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { JournalUnavailableError } from '../core/errors.js';
import { AuditService } from './audit.service.js';
import { LineLimit, linesPerSecond } from './line-limit.js';
import { Log } from './log.js';

/** An RFC 9457 answer. `errors`: each value of a query that will not do. */
type Problem = {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { readonly name: string; readonly detail: string }[];
};

/** Turns whatever was thrown into problem+json. What is a fault of ours is logged and not told. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #strangers: LineLimit;

  constructor(
    private readonly log: Log,
    private readonly audit: AuditService,
  ) {
    this.#strangers = new LineLimit({
      perSecond: linesPerSecond,
      onSuppressed: (count) => {
        log.warn({ count }, 'more admin requests were refused');
      },
    });
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<IncomingMessage>();
    const problem = problemOf(error);
    this.#tell(error, problem, request);
    void this.audit.notDone(request, problem.status).then(() => {
      answer(http.getResponse<ServerResponse>(), problem);
    });
  }

  #tell(error: unknown, { status, detail }: Problem, { socket }: IncomingMessage): void {
    if (status >= 500) this.log.error({ err: error }, 'an admin request failed');
    if ((status !== 401 && status !== 403) || !this.#strangers.take()) return;
    this.log.warn({ status, remoteAddress: socket.remoteAddress, reason: detail }, 'an admin request was refused');
  }
}

function answer(response: ServerResponse, problem: Problem): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify(problem);
  response.writeHead(problem.status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    ...(problem.status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(problem.status === 503 && { 'retry-after': '1' }),
  });
  response.end(body);
}

/** For the `ValidationPipe`: names each value that will not do. */
export function invalidQuery(errors: readonly ValidationError[]): BadRequestException {
  return new BadRequestException({
    message: 'The request has values that will not do.',
    errors: errors.flatMap((error) => namedProblems(error)),
  });
}

/** Of a value and of what is inside of it, by its path. */
function namedProblems(
  { property, constraints, children = [] }: ValidationError,
  path = '',
): readonly { readonly name: string; readonly detail: string }[] {
  const name = `${path}${property}`;
  const own = constraints ? [{ name, detail: Object.values(constraints).join('; ') }] : [];
  return [...own, ...children.flatMap((child) => namedProblems(child, `${name}.`))];
}

function problemOf(error: unknown): Problem {
  if (error instanceof JournalUnavailableError) return problem(503, 'The journal is not available now.');
  if (!(error instanceof HttpException)) return problem(500, 'Something of ours failed; the log has the details.');
  const body = error.getResponse();
  const errors = typeof body === 'object' && 'errors' in body ? (body.errors as Problem['errors']) : undefined;
  return { ...problem(error.getStatus(), error.message), ...(errors && { errors }) };
}

function problem(status: number, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
}
