import { ForbiddenException, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import { covers, type Role } from '../core/role.js';
import { markChange } from './audit.service.js';
import { callerOf } from './caller.js';
import { neededRole } from './needs.js';

/** Lets a request to its handler when its caller's role is enough for it. */
@Injectable()
export class RoleGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<IncomingMessage>();
    const needed = this.reflector.get<Role | undefined>(neededRole, context.getHandler()) ?? usualRole(request);
    if (needed !== 'viewer') markChange(request);
    const caller = callerOf(request);
    if (caller && covers(caller.role, needed)) return true;
    throw new ForbiddenException(
      `This needs the role ${needed}; the token ${caller?.name ?? ''} has the role ${caller?.role ?? 'none'}.`,
    );
  }
}

function usualRole({ method }: IncomingMessage): Role {
  return method === 'GET' || method === 'HEAD' ? 'viewer' : 'operator';
}
