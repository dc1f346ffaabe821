import { asksForTests, conditionsOf, type Condition, type RouteOptions } from './route.js';

type Compiled = { readonly name: string; readonly isFinal: boolean; readonly conditions: readonly Condition[] };

/** Routes that can never match, because an earlier `final` route takes all that they ask for. */
export function shadowedRoutes(routes: readonly RouteOptions[]): readonly { route: string; by: string }[] {
  const first = routes.findIndex(({ final }) => final === true);
  const behind = routes.slice(first < 0 ? routes.length : first).map((route): Compiled => {
    return { name: route.name, isFinal: route.final === true, conditions: conditionsOf(route) };
  });
  const finals = fileFinals(behind);
  return behind.flatMap(({ name, conditions }, position) => {
    const earlier = positionsOfWider(conditions, finals)
      .filter((candidate) => candidate < position)
      .sort((a, b) => a - b)
      .map((candidate) => behind[candidate])
      .find((final) => final !== undefined && takesAll(final.conditions, conditions));
    return earlier ? [{ route: name, by: earlier.name }] : [];
  });
}

/** True when whatever meets `narrow` also meets `wide`: each condition of `wide` has a stricter one in `narrow`. */
function takesAll(wide: readonly Condition[], narrow: readonly Condition[]): boolean {
  if (asksForTests(narrow) && !asksForTests(wide)) return false;
  return wide.every((condition) =>
    narrow.some(
      (other) =>
        other.field === condition.field &&
        (other.wanted === condition.wanted ||
          (other.exact !== undefined && other.exact.every((text) => condition.exact?.includes(text)))),
    ),
  );
}

/** Positions of final routes by a mark that every route has of which they can take all. */
type Finals = ReadonlyMap<string, readonly number[]>;

/** The mark of every route there is. */
const always = '';

/** Files each final route under one of its conditions, the one it shares with the fewest: a route meets few of them so. */
function fileFinals(routes: readonly Compiled[]): Finals {
  const shares = new Map<string, number>();
  for (const { isFinal, conditions } of routes) {
    for (const mark of isFinal ? conditions.flatMap(marksOf) : []) shares.set(mark, (shares.get(mark) ?? 0) + 1);
  }
  const crowd = (marks: readonly string[]): number => Math.max(...marks.map((mark) => shares.get(mark) ?? 0));
  const finals = new Map<string, number[]>();
  routes.forEach(({ isFinal, conditions }, position) => {
    if (!isFinal) return;
    const [rarest = [always]] = conditions.map(marksOf).sort((a, b) => crowd(a) - crowd(b));
    for (const mark of rarest) {
      const positions = finals.get(mark) ?? [];
      positions.push(position);
      finals.set(mark, positions);
    }
  });
  return finals;
}

/** What stricter conditions have one of: the same words, or texts of which the first is among these. */
function marksOf({ field, wanted, exact = [] }: Condition): readonly string[] {
  return [`${field} ${wanted}`, ...exact.map((text) => `${field}=${text}`)];
}

/** Of the final routes that could take all of a route. */
function positionsOfWider(conditions: readonly Condition[], finals: Finals): readonly number[] {
  // A list without a text is stricter than any.
  if (conditions.some(({ exact }) => exact?.length === 0)) return [...new Set([...finals.values()].flat())];
  const marks = conditions.flatMap((condition) => marksOf({ ...condition, exact: condition.exact?.slice(0, 1) ?? [] }));
  return [always, ...marks].flatMap((mark) => finals.get(mark) ?? []);
}
