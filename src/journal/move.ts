import type { Ledger, LedgerLines } from '../core/ledger.js';
import {
  countedThings,
  movedParts,
  type CountedThing,
  type MovedPart,
  type MovePlace,
  type MoveSource,
  type MoveTarget,
} from '../core/move.js';

const allTime = { from: 0, until: Date.UTC(9999, 0) };

/** Rows of a part that are there, and all that it has. */
export type MoveProgress = { readonly part: MovedPart; readonly done: number; readonly all: number };

/** What was found on both sides at the end. */
export type MoveCheck = {
  readonly counts: readonly { readonly what: CountedThing; readonly source: number; readonly target: number }[];
  /** The same counts, and the same ledger. */
  readonly isWhole: boolean;
  /** The ledger balances there; where it is whole and does not, it did not here either. */
  readonly isBalanced: boolean;
};

export type MoveResult =
  | { readonly kind: 'moved'; readonly check: MoveCheck }
  /** It had been, in milliseconds since the epoch: nothing was done. */
  | { readonly kind: 'done before'; readonly at: number };

/**
 * Moves a journal into another one, and finishes that where both sides agree. Ended at any point, it goes on where it was
 * when it is called again. `from` is what people call the source.
 */
export async function moveJournal(
  source: MoveSource,
  target: MoveTarget,
  from: string,
  tell: (progress: MoveProgress) => void,
): Promise<MoveResult> {
  const { identity, last } = source;
  const { finishedAt, ...begun } = await target.begin({ identity, last, from });
  if (finishedAt !== undefined) return { kind: 'done before', at: finishedAt };
  for (let at: MovePlace = begun; at.part !== undefined;)
    at = await movePart(source, target, { ...at, part: at.part }, tell);
  const check = await compare(source, target);
  if (check.isWhole) await target.finish();
  return { kind: 'moved', check };
}

/** From a place to the end of its part; returns where the next one begins. */
async function movePart(
  source: MoveSource,
  target: MoveTarget,
  begin: { readonly part: MovedPart; readonly place?: string },
  tell: (progress: MoveProgress) => void,
): Promise<MovePlace> {
  const { part } = begin;
  const all = source.count(part);
  const next = movedParts[movedParts.indexOf(part) + 1];
  const end: MovePlace = next === undefined ? {} : { part: next };
  let at: MovePlace = begin;
  let done = 0;
  while (at.part === part) {
    const { rows, place } = source.read(part, at.place);
    const to = place === undefined ? end : { part, place };
    await target.put(part, rows, at, to);
    const told = done;
    done = place === undefined ? all : done + rows.length;
    if (done !== told) tell({ part, done, all });
    at = to;
  }
  return at;
}

async function compare(source: MoveSource, target: MoveTarget): Promise<MoveCheck> {
  const [here, there] = [source.counts(), await target.counts()];
  const counts = countedThings.map((what) => ({ what, source: here[what], target: there[what] }));
  const [ours, theirs] = [await source.ledger(allTime), await target.ledger(allTime)];
  const isSame = counts.every((each) => each.source === each.target) && linesOf(ours) === linesOf(theirs);
  return { counts, isWhole: isSame, isBalanced: theirs.balanced };
}

/** What a ledger says, in an order that does not depend on the journal; lines without anything on them left out. */
function linesOf({ totals, hours, missing }: Ledger): string {
  const linesIn = ({ sources, sinks }: LedgerLines) => ({
    sources: sources.filter(({ received, accepted }) => received > 0 || accepted > 0).sort(by(({ source }) => source)),
    sinks: sinks.filter(({ owed }) => owed > 0).sort(by(({ sink }) => sink)),
  });
  const byHour = hours.map(({ hour, ...lines }) => ({ hour, ...linesIn(lines) }));
  return JSON.stringify({
    totals: linesIn(totals),
    hours: byHour.filter(({ sources, sinks }) => sources.length + sinks.length > 0),
    missing,
  });
}

function by<T>(name: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => name(a).localeCompare(name(b));
}
