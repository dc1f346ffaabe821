import type { AlertDraft } from '../../core/alert.js';
import { contentHash } from '../../kit/json.js';
import { id, type Flags } from '../../kit/read.js';
import type { Body } from './shape.js';

/**
 * What the finding is, and the text that changes with the report of it. `changing` is the state with the update time
 * or, where a form has none, with what else may change. A body without an id is its own version.
 */
export function identityOf(
  entity: { readonly type: string; readonly id: string | undefined },
  changing: readonly (string | undefined)[],
  body: Body,
): Pick<AlertDraft, 'entity' | 'version'> {
  const { type, id } = entity;
  if (id === undefined) return { version: contentHash(body) };
  return { entity: { type, id }, version: JSON.stringify(changing.map((fact) => fact ?? null)) };
}

/**
 * An incident by its long id, or by the short one that people use (`short_id_only`). The vendor writes ids in either
 * case and means the same.
 */
export function incidentEntity(
  long: string | undefined,
  short: string | undefined,
  flags: Flags,
): { type: string; id: string | undefined } {
  if (long === undefined && short !== undefined) flags.add('short_id_only');
  return { type: 'incident', id: (long ?? short)?.toUpperCase() };
}

/** One id that several fields hold, in falling precedence; `flag` when they do not agree, whatever their case. */
export function agreed(values: readonly unknown[], flag: string, flags: Flags): string | undefined {
  const said = values.map(id).filter((value) => value !== undefined);
  if (new Set(said.map((value) => value.toUpperCase())).size > 1) flags.add(flag);
  return said[0];
}
