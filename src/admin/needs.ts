import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { ApiForbiddenResponse } from '@nestjs/swagger';
import type { Role } from '../core/role.js';
import { AuditInterceptor } from './audit.interceptor.js';

export const neededRole = Symbol('the role a handler needs');

/**
 * The role an operation needs. Without it a GET needs a viewer and everything else an operator. What needs more than a
 * viewer is written to the audit log, so every operation that changes something says what it needs.
 */
export function Needs(role: Role): MethodDecorator {
  const decorators = [SetMetadata(neededRole, role), ApiForbiddenResponse({ description: `Needs the role ${role}.` })];
  return applyDecorators(...decorators, ...(role === 'viewer' ? [] : [UseInterceptors(AuditInterceptor)]));
}
