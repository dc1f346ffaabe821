import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import type { Alert, Resource } from '../core/alert.js';
import type { OcsfFinding, OcsfUnmapped, OcsfVersion } from './ocsf/finding.js';
import { mappedOf } from './ocsf/read.js';
import { findingOf } from './ocsf/write.js';
import { present } from './present.js';

export type OcsfOptions = {
  readonly version?: OcsfVersion;
  /** The journalled request body: given as `raw_data` when it is UTF-8 and at most 64 kB. Not in the lean form. */
  readonly raw?: Buffer;
  /** At most 150 values, six levels and no `unmapped`, for places that count them; it cannot be read back. */
  readonly lean?: boolean;
};

/** Writes an alert as an OCSF finding, from which `fromOcsf` reads the very same alert, unless it is lean. */
export function toOcsf(alert: Alert, { version = '1.6.0', raw, lean = false }: OcsfOptions = {}): OcsfFinding {
  if (lean) return leanFindingOf(alert, version);
  const finding = findingOf(alert, version);
  return { ...finding, ...present({ raw_data: rawText(raw) }), unmapped: unmappedOf(alert, finding) };
}

/** Reads an alert back from a finding that `toOcsf` wrote; throws on a lean one. */
export function fromOcsf(finding: OcsfFinding): Alert {
  const { unmapped } = finding;
  if (unmapped === undefined) throw new TypeError('a lean OCSF finding is not the whole alert: write the full form');
  return { ...mappedOf(finding), ...unmapped };
}

/** Every field of the alert that the attributes would not give back exactly, whole. */
function unmappedOf(alert: Alert, finding: OcsfFinding): OcsfUnmapped {
  const mapped: Partial<Alert> = mappedOf(finding);
  const fields = Object.entries(alert) as [keyof Alert, unknown][];
  return Object.fromEntries(fields.filter(([name, value]) => !isDeepStrictEqual(mapped[name], value))) as OcsfUnmapped;
}

const leanItems = 3;
const leanObservables = 6;
const leanTags = 10;

function leanFindingOf(alert: Alert, version: OcsfVersion): OcsfFinding {
  const { notes, ...told } = alert;
  const few: Alert = {
    ...told,
    tags: told.tags.slice(0, leanTags),
    resources: told.resources.slice(0, leanItems).map(leanResource),
    ...(told.attacks && { attacks: told.attacks.slice(0, leanItems) }),
  };
  const finding = findingOf(few, version);
  return {
    ...finding,
    ...(finding.observables && { observables: finding.observables.slice(0, leanObservables) }),
    ...(isShorter(few, alert) && { metadata: { ...finding.metadata, is_truncated: true } }),
  };
}

function isShorter(few: Alert, alert: Alert): boolean {
  const length = ({ tags, resources, attacks = [] }: Alert) => tags.length + resources.length + attacks.length;
  return length(few) < length(alert);
}

function leanResource({ labels, port, region, accountId, ...resource }: Resource): Resource {
  return resource;
}

const maxRawData = 64_000;

/** Bytes that are not UTF-8 would not come back as they were. */
function rawText(raw: Buffer | undefined): string | undefined {
  return raw !== undefined && raw.length <= maxRawData && isUtf8(raw) ? raw.toString('utf8') : undefined;
}
