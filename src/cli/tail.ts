import { Command } from 'commander';
import type { Activity } from '../core/activity.js';
import type { Severity } from '../core/alert.js';
import { present } from '../kit/present.js';
import { streamAdmin, withAdmin, type AdminAddress } from './admin-client.js';
import { outputOption, printJson, printLines, type Format, type Terminal } from './terminal.js';

type TailOptions = AdminAddress & { readonly output: Format; readonly source?: string; readonly sink?: string };

/** What the router tells of an activity: of a received alert only what names it. */
type Told =
  | Exclude<Activity, { kind: 'received' }>
  | (Omit<Extract<Activity, { kind: 'received' }>, 'alerts'> & { readonly alerts: readonly ToldAlert[] })
  | { readonly kind: 'missed'; readonly count: number };

type ToldAlert = {
  readonly id: string;
  readonly status: string;
  readonly severity: Severity;
  readonly title: string;
  readonly sinks: readonly string[];
};

/** `tail`: what happens in a running router, a line each, until it is interrupted or the signal aborts. */
export function tailCommand(terminal: Terminal = process, signal: AbortSignal = new AbortController().signal): Command {
  return withAdmin(new Command('tail').description('show what happens, as it happens'))
    .option('--source <name>', 'only requests to this source')
    .option('--sink <name>', 'only what concerns this sink')
    .addOption(outputOption())
    .action(async ({ source, sink, output, ...address }: TailOptions) => {
      const path = `/api/v1/tail?${new URLSearchParams(present({ source, sink })).toString()}`;
      for await (const told of streamAdmin(address, path, signal)) {
        if (output === 'json') printJson(terminal, told, true);
        else printLines(terminal, describe(told as Told));
      }
    });
}

function describe(told: Told): readonly string[] {
  if (told.kind === 'missed') return [`… ${told.count} more, too fast for this terminal`];
  return wordsFor(told).map((words) => `${new Date(told.at).toISOString()}  ${words}`);
}

function wordsFor(told: Exclude<Told, { kind: 'missed' }>): readonly string[] {
  switch (told.kind) {
    case 'received':
      return [
        ...told.alerts.map(({ id, status, severity, title, sinks }) => {
          const owed = status === 'accepted' ? ` -> ${sinks.join(', ') || 'unrouted'}` : '';
          return `${status.padEnd(10)} ${id}  ${told.source}: ${severity} ${title}${owed}`;
        }),
        ...told.unread.map(({ reason }) => `quarantined ${told.requestId}  ${told.source}: ${reason}`),
        ...(told.probe === undefined ? [] : [`probe      ${told.requestId}  ${told.source}: ${told.probe}`]),
      ];
    case 'refused':
      return [`refused    ${told.remoteAddress}  ${told.source ?? 'no source'}: ${told.status} ${told.reason}`];
    case 'attempted': {
      const { attempt, outcome, reason } = told.attempt;
      const word = told.next === 'pending' ? outcome : told.next;
      return [`${word.padEnd(10)} ${told.alertId}  ${told.sink}: attempt ${attempt}${reason ? `, ${reason}` : ''}`];
    }
    case 'parked':
      return [`parked     ${told.sink}: ${told.reason}`];
    case 'resumed':
      return [`resumed    ${told.sink}`];
    case 'looked-up': {
      const { outcome, reason, added } = told.lookup;
      const what = reason ?? (added.length > 0 ? `adds ${added.join(', ')}` : 'adds nothing');
      return [`looked up  ${told.alertId}  ${told.source}: ${outcome}, ${what}`];
    }
    case 'pulled': {
      const { pages, accepted, duplicates } = told;
      return [`pulled     ${told.source}: ${accepted} new, ${duplicates} known, on ${pages} pages`];
    }
    case 'pull-failed':
      return [`pull failed ${told.source}: ${told.reason}`];
    case 'pull-parked':
      return [`parked     pull of ${told.source}: ${told.reason}`];
    case 'pull-resumed':
      return [`resumed    pull of ${told.source}`];
    case 'pressure':
      return [`backlog    ${told.level}: ${Math.round(100 * told.fill)} % of its limit`];
    case 'reloaded':
      return [`reloaded   ${[...told.sources, ...told.sinks].join(', ') || 'nothing but routes'}`];
    case 'reload-failed':
      return told.problems.map((problem) => `not reloaded  ${problem}`);
    case 'replay':
      return [`replay     ${told.id}  ${told.mode} ${told.state}: ${told.owed} owed`];
    case 'reread': {
      const { accepted, duplicates, quarantined } = told;
      return [
        `read again ${told.requestId}  ${told.source}: ${accepted} new, ${duplicates} known, ${quarantined} left`,
      ];
    }
    case 'fault':
      return [`fault      ${told.part}${told.sink === undefined ? '' : ` ${told.sink}`}: ${told.reason}`];
  }
}
