import { isDeepStrictEqual } from 'node:util';
import type { AlertDraft, NewAlert, Resource } from './alert.js';

/** What can be added to an alert that is kept already: details of the same report, never what identifies or dates it. */
export type Knowledge = Partial<
  Pick<
    AlertDraft,
    | 'description'
    | 'recommendation'
    | 'url'
    | 'rule'
    | 'attacks'
    | 'count'
    | 'notes'
    | 'enrichment'
    | 'vendorIds'
    | 'resources'
    | 'tags'
  >
> & {
  /** Takes the place of a title that was flagged as guessed. */
  readonly title?: string;
};

/** The flag of an alert that is held while its vendor is asked for it; where it is sent with it, nobody had answered. */
export const pendingFlag = 'enrichment_pending';

const details: ReadonlySet<string> = new Set([
  'description',
  'recommendation',
  'url',
  'rule',
  'attacks',
  'count',
  'notes',
  'enrichment',
  'vendorIds',
  'resources',
  'tags',
] satisfies (keyof Knowledge)[]);

/** The flags of a title that the vendor did not send. */
const guessedTitles: readonly string[] = ['title_missing', 'title_derived'];

const maxResources = 200;
const maxAttacks = 50;
const maxNotes = 50;
const maxTags = 50;
/** Of the enrichment as JSON. */
const maxEnrichmentBytes = 64_000;

/**
 * The alert with what it lacked: what is absent is filled in, lists are joined without repeats and within their limits,
 * and a guessed title gives way. What did not fit is flagged. Undefined when nothing is new: so it is the second time.
 */
export function addKnowledge<Known extends NewAlert>(alert: Known, knowledge: Knowledge): Known | undefined {
  const { title, description, recommendation, url, count, rule, attacks, notes, tags, vendorIds } = knowledge;
  const lost = new Set<string>();
  const isReplaced = title !== undefined && guessedTitles.some((flag) => alert.quality.includes(flag));
  const more = withDefined(alert, {
    ...(missing({ description, recommendation, url, count }, alert) as Fields),
    ...(isReplaced && { title }),
    ...(rule && { rule: { ...alert.rule, ...missing(rule, alert.rule ?? {}) } }),
    ...(vendorIds && { vendorIds: { ...alert.vendorIds, ...missing(vendorIds, alert.vendorIds) } }),
    ...(attacks && { attacks: join(alert.attacks, attacks, maxAttacks, () => lost.add('attacks_truncated')) }),
    ...(notes && { notes: join(alert.notes, notes, maxNotes, () => lost.add('notes_truncated')) }),
    ...(tags && { tags: join(alert.tags, tags, maxTags, () => lost.add('tags_truncated')) }),
    ...(knowledge.resources && {
      resources: joinResources(alert.resources, knowledge.resources, () => lost.add('resources_truncated')),
    }),
    ...(knowledge.enrichment && {
      enrichment: joinEnrichment(alert.enrichment, knowledge.enrichment, () => lost.add('enrichment_truncated')),
    }),
  });
  const kept = isReplaced ? more.quality.filter((flag) => !guessedTitles.includes(flag)) : more.quality;
  const next = { ...more, quality: [...kept, ...[...lost].filter((flag) => !kept.includes(flag))] };
  return isDeepStrictEqual(next, alert) ? undefined : next;
}

/** What a report of an alert knows that another report of the same may not. Its title is as good as the other's. */
export function knowledgeOf(alert: NewAlert): Knowledge {
  const known = Object.entries(alert).filter(([name]) => details.has(name));
  const isGuessed = guessedTitles.some((flag) => alert.quality.includes(flag));
  return { ...(Object.fromEntries(known) as Knowledge), ...(!isGuessed && { title: alert.title }) };
}

/** The fields of an alert that are others after more was added to it, as they are then. */
export function learnt(before: NewAlert, after: NewAlert): Partial<NewAlert> {
  const entries = Object.entries(after).filter(
    ([name, value]) => !isDeepStrictEqual(value, (before as unknown as Fields)[name]),
  );
  return Object.fromEntries(entries);
}

type Fields = Readonly<Record<string, unknown>>;

/** What of `more` is said and is not in `own`. */
function missing<More extends object>(more: More, own: object): More {
  const isAbsent = (name: string): boolean => !Object.hasOwn(own, name) || (own as Fields)[name] === undefined;
  const entries = Object.entries(more).filter(([name, value]) => value !== undefined && isAbsent(name));
  return Object.fromEntries(entries) as More;
}

/** Changed but for empty blocks and lists where there were none. */
function withDefined<Known extends NewAlert>(alert: Known, changes: Fields): Known {
  const isNothing = (value: unknown): boolean => typeof value === 'object' && Object.keys(value ?? {}).length === 0;
  const entries = Object.entries(changes).filter(
    ([name, value]) => !isNothing(value) || (alert as unknown as Fields)[name] !== undefined,
  );
  return { ...alert, ...Object.fromEntries(entries) };
}

function join<Item>(own: readonly Item[] = [], more: readonly Item[], most: number, lose: () => void): readonly Item[] {
  const joined = [...own];
  for (const item of more) {
    if (joined.some((known) => isDeepStrictEqual(known, item))) continue;
    if (joined.length >= most) lose();
    else joined.push(item);
  }
  return joined;
}

/** A resource that is there already gains what it lacked. Until nothing changes: one that gained may be another, too. */
function joinResources(own: readonly Resource[], more: readonly Resource[], lose: () => void): readonly Resource[] {
  const once = more.reduce<readonly Resource[]>((joined, resource) => {
    const at = joined.findIndex((known) => isSame(known, resource));
    if (at < 0) {
      if (joined.length < maxResources) return [...joined, resource];
      lose();
      return joined;
    }
    return joined.map((known, index) => (index === at ? { ...known, ...missing(resource, known) } : known));
  }, own);
  return isDeepStrictEqual(once, own) ? once : joinResources(once, more, lose);
}

const identities = ['id', 'hostname', 'ip', 'url', 'name'] as const;

/** Of one role and type, alike in something that identifies them, and different in nothing that does. */
function isSame(one: Resource, other: Resource): boolean {
  if (one.role !== other.role || one.type !== other.type || one.port !== other.port) return false;
  const said = identities.filter((name) => one[name] !== undefined && other[name] !== undefined);
  if (said.length === 0) return isDeepStrictEqual(one, other);
  return said.every((name) => one[name] === other[name]);
}

function joinEnrichment(own: Fields = {}, more: Fields, lose: () => void): Fields {
  let joined = own;
  for (const [name, value] of Object.entries(missing(more, own))) {
    const next = { ...joined, [name]: value };
    if (Buffer.byteLength(JSON.stringify(next)) > maxEnrichmentBytes) lose();
    else joined = next;
  }
  return joined;
}
