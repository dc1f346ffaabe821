import type { AnalyzedEvent } from './event.js';
import { grouped, hostOf, noneParsed, responseCodeOf } from './roll-ups.js';

/** What a response code says of an attempt: the words for one, and for several. */
type Fate = { readonly one: string; readonly several: string; readonly isSuccess?: boolean };

const succeeded: Fate = { one: 'succeeded', several: 'succeeded', isSuccess: true };
const redirected: Fate = { one: 'was redirected', several: 'were redirected' };
const refused: Fate = { one: 'was refused', several: 'were refused' };
const foundNothing: Fate = { one: 'found nothing', several: 'found nothing' };
const failed: Fate = { one: 'ended in a server error', several: 'ended in a server error' };
const pending: Fate = { one: 'got no final answer', several: 'got no final answer' };
const unanswered: Fate = { one: 'shows no answer', several: 'show no answer' };

function fateOf(code: string): Fate {
  if (code === '404' || code === '410') return foundNothing;
  switch (code[0]) {
    case '1':
      return pending;
    case '2':
      return succeeded;
    case '3':
      return redirected;
    case '4':
      return refused;
    case '5':
      return failed;
    default:
      return unanswered;
  }
}

type Group = { readonly fate: Fate; readonly events: readonly AnalyzedEvent[] };

/**
 * What came of the attempts, in one line: `14 of 16 attempts were refused (403), 2 succeeded (200) on example.net`. What
 * succeeded comes last, with the hosts where it did; where nothing succeeded, all the hosts.
 */
export function verdictOf(events: readonly AnalyzedEvent[]): string {
  if (events.length === 0) return 'No events: nothing is known of what came of the attempts';
  const groups = groupsOf(events);
  const [first, ...others] = groups;
  if (first === undefined) return '';
  const total = events.length;
  const lead = first.events.length;
  const opening =
    others.length > 0
      ? `${String(lead)} of ${String(total)} attempts ${phrase(first)}`
      : `${total === 1 ? 'The only attempt' : `All ${String(total)} attempts`} ${phrase(first)}`;
  const rest = others.map((group) => `${String(group.events.length)} ${phrase(group)}`);
  const told = groups.find(({ fate }) => fate.isSuccess === true)?.events ?? events;
  return [opening, ...rest].join(', ') + placeOf(told);
}

/** The most frequent first, what succeeded last. */
function groupsOf(events: readonly AnalyzedEvent[]): readonly Group[] {
  const byFate = new Map<Fate, AnalyzedEvent[]>();
  for (const event of events) {
    const fate = fateOf(responseCodeOf(event));
    const group = byFate.get(fate);
    if (group) group.push(event);
    else byFate.set(fate, [event]);
  }
  return [...byFate]
    .map(([fate, some]) => ({ fate, events: some }))
    .sort(
      (a, b) =>
        Number(a.fate.isSuccess === true) - Number(b.fate.isSuccess === true) || b.events.length - a.events.length,
    );
}

function phrase({ fate, events }: Group): string {
  const words = events.length === 1 ? fate.one : fate.several;
  const codes = [...grouped(events, responseCodeOf).keys()].filter((code) => code !== noneParsed);
  return codes.length === 0 ? words : `${words} (${codes.sort().join(', ')})`;
}

const mostNamed = 3;

function placeOf(events: readonly AnalyzedEvent[]): string {
  const hosts = [...grouped(events, hostOf).keys()].filter((host) => host !== noneParsed);
  if (hosts.length === 0) return '';
  return ` on ${hosts.length > mostNamed ? `${String(hosts.length)} hosts` : hosts.join(', ')}`;
}
