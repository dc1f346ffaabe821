import { ForbiddenException, UnauthorizedException } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { addressList } from '../kit/address.js';
import { bearerToken } from '../kit/authenticate.js';
import type { AdminOptions } from './admin.options.js';
import { anybody, localCaller, setCaller, type Caller } from './caller.js';
import { tokenFinder } from './token.js';

type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

const openPaths: readonly string[] = ['/healthz', '/readyz'];
const isLoopbackAddress = addressList(['127.0.0.0/8', '::1']);

/**
 * Stands before everything of the admin side, and says who the caller is. With tokens, only a bearer of one gets past
 * it; what they may do is up to `RoleGuard`. Without, the port is on loopback and open to whoever is on this machine, but not to a page in somebody's browser there: neither one of
 * another origin (its requests say so) nor one that had its own name resolve to this address (its `Host` says so).
 */
export function gate({ tokens = [], host }: Pick<AdminOptions, 'tokens' | 'host'>): Middleware {
  const find = tokenFinder(tokens);
  const isOpen = tokens.length === 0;
  const isLocal = isLoopback(host);
  const recognise = (request: IncomingMessage): Caller => {
    if (openPaths.includes(pathOf(request))) return anybody;
    if (!isOpen) {
      const token = find(bearerToken(request.headers.authorization));
      if (token) return token;
      throw new UnauthorizedException('Send one of the tokens of admin.tokens: Authorization: Bearer ….');
    }
    if (isLocal && !isLoopback(hostName(request.headers.host ?? ''))) {
      throw new ForbiddenException('Without tokens the Host must be a loopback address or localhost.');
    }
    if (isFromElsewhere(request)) throw new ForbiddenException('Requests from other origins are refused.');
    return localCaller;
  };
  return (request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    try {
      setCaller(request, recognise(request));
      next();
    } catch (error) {
      next(error);
    }
  };
}

/** Browsers send `Origin` with every request that could change something (Fetch standard, §3.1). */
function isFromElsewhere({ headers, method }: IncomingMessage): boolean {
  const { origin, host } = headers;
  if (origin !== undefined && origin !== `http://${host ?? ''}` && origin !== `https://${host ?? ''}`) return true;
  const site = headers['sec-fetch-site'];
  return method !== 'GET' && method !== 'HEAD' && site !== undefined && site !== 'same-origin' && site !== 'none';
}

function isLoopback(name: string): boolean {
  return name.toLowerCase() === 'localhost' || isLoopbackAddress(name);
}

/** The `Host` header without its port; IPv6 without its brackets. */
function hostName(host: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d+)?$/.exec(host) ?? [];
  return bracketed ?? plain ?? '';
}

function pathOf({ url = '' }: IncomingMessage): string {
  const query = url.indexOf('?');
  return query < 0 ? url : url.slice(0, query);
}
