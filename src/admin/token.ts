import { hash, timingSafeEqual } from 'node:crypto';
import type { Role } from '../core/role.js';

/** Who may use the admin side, and how far. The token itself is not kept: `sha256` is that of its UTF-8 bytes. */
export type AdminToken = { readonly name: string; readonly role: Role; readonly sha256: Buffer };

/**
 * Finds whose token a text is, in a time that says nothing about any. Texts are as Node gives header values: one
 * character a byte.
 */
export function tokenFinder(tokens: readonly AdminToken[]): (text: string) => AdminToken | undefined {
  return (text) => {
    const given = hash('sha256', Buffer.from(text, 'latin1'), 'buffer');
    let found: AdminToken | undefined;
    for (const token of tokens) {
      const isTheirs = timingSafeEqual(token.sha256, given);
      found = isTheirs ? token : found;
    }
    return found;
  };
}
