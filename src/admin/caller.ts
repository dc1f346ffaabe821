import type { IncomingMessage } from 'node:http';
import type { Role } from '../core/role.js';

/** Who asks: the name of a token, and what it may do. */
export type Caller = { readonly name: string; readonly role: Role };

/** Without tokens, whoever is on this machine. */
export const localCaller: Caller = { name: 'local', role: 'admin' };

/** Of a question that needs no token. */
export const anybody: Caller = { name: 'anybody', role: 'viewer' };

const callers = new WeakMap<IncomingMessage, Caller>();

/** Said by the gate of each request that it lets through. */
export function setCaller(request: IncomingMessage, caller: Caller): void {
  callers.set(request, caller);
}

/** Undefined for a request that the gate turned away. */
export function callerOf(request: IncomingMessage): Caller | undefined {
  return callers.get(request);
}
