import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { mergeMap, type Observable } from 'rxjs';
import { AuditService } from './audit.service.js';

/**
 * Writes a change to the audit log before it is answered; `ProblemFilter` does it for what fails. Only where `Needs`
 * puts it: an interceptor costs every request that passes through it.
 */
@Injectable()
export class AuditInterceptor implements NestInterceptor {
  constructor(private readonly audit: AuditService) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    return next.handle().pipe(
      mergeMap(async (value: unknown) => {
        await this.audit.done(http.getRequest<IncomingMessage>(), http.getResponse<ServerResponse>().statusCode);
        return value;
      }),
    );
  }
}
