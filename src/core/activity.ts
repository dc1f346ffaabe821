import { Subject } from 'rxjs';
import type { NewAlert } from './alert.js';
import type { ReplayRecord } from './replay.js';
import type { Attempt, LookupRecord, ParkedBy, Pending } from './journal.js';
import type { PressureLevel } from './pressure.js';
import type { ReloadResult, ReloadTrigger } from './reload.js';

/** Something that just happened. Tail, metrics and logs are made from these and nothing else. `at` in milliseconds. */
export type Activity =
  /** A request, or a part of a large one, was kept. It is about to be answered 202 when that was the last of it. */
  | {
      readonly kind: 'received';
      readonly at: number;
      readonly source: string;
      readonly requestId: string;
      readonly remoteAddress: string;
      readonly bytes: number;
      readonly durationMs: number;
      readonly alerts: readonly {
        readonly alert: NewAlert;
        readonly id: string;
        readonly status: 'accepted' | 'duplicate';
        readonly routes: readonly string[];
        readonly sinks: readonly string[];
      }[];
      readonly unread: readonly { readonly index?: number; readonly reason: string }[];
      readonly probe?: string;
      /** It was a page of a pull, and nobody waits for an answer. */
      readonly isPull?: true;
      /** Not the last part of the request: others of the same id follow, with other alerts. */
      readonly isUnfinished?: true;
    }
  /** A request was turned away; `source` only where it names a configured one. */
  | {
      readonly kind: 'refused';
      readonly at: number;
      readonly source?: string;
      readonly status: number;
      readonly reason: string;
      readonly remoteAddress: string;
    }
  | {
      readonly kind: 'attempted';
      readonly at: number;
      readonly sink: string;
      readonly alertId: string;
      readonly acceptedAt: number;
      readonly isReplay?: true;
      readonly attempt: Attempt;
      readonly next: 'delivered' | 'pending' | 'dead';
    }
  /** `since`: when this parking began, which tells it from others of the sink. */
  | {
      readonly kind: 'parked';
      readonly at: number;
      readonly sink: string;
      readonly reason: string;
      readonly since: number;
      readonly by: ParkedBy;
    }
  | {
      readonly kind: 'resumed';
      readonly at: number;
      readonly sink: string;
      readonly since: number;
      readonly by: ParkedBy;
    }
  /** A vendor's API was asked for an alert, or was not; the sinks are those of the decision after that. */
  | {
      readonly kind: 'looked-up';
      readonly at: number;
      readonly source: string;
      readonly alertId: string;
      readonly lookup: LookupRecord;
      readonly sinks: readonly string[];
    }
  /** A pull of a source came to its end, or to the most pages it may have. */
  | {
      readonly kind: 'pulled';
      readonly at: number;
      readonly source: string;
      readonly pages: number;
      readonly accepted: number;
      readonly duplicates: number;
      readonly quarantined: number;
      /** Nothing is left for the next one. */
      readonly isCaughtUp: boolean;
      readonly durationMs: number;
    }
  /** It could not be ended, and is tried again at `againAt`; `failures` in a row. */
  | {
      readonly kind: 'pull-failed';
      readonly at: number;
      readonly source: string;
      readonly reason: string;
      readonly failures: number;
      readonly againAt: number;
    }
  /** As `parked` and `resumed`, of the pull of a source: its webhook goes on. */
  | {
      readonly kind: 'pull-parked';
      readonly at: number;
      readonly source: string;
      readonly reason: string;
      readonly since: number;
      readonly by: ParkedBy;
    }
  | {
      readonly kind: 'pull-resumed';
      readonly at: number;
      readonly source: string;
      readonly since: number;
      readonly by: ParkedBy;
    }
  /** The backlog crossed a mark; `fill` is its share of the limit. */
  | {
      readonly kind: 'pressure';
      readonly at: number;
      readonly level: PressureLevel;
      readonly fill: number;
      readonly pending: Pending;
    }
  /** Another config is in force. */
  | ({ readonly kind: 'reloaded'; readonly at: number; readonly trigger: ReloadTrigger } & Extract<
      ReloadResult,
      { ok: true }
    >)
  /** A config could not be used; the one before is in force. */
  | {
      readonly kind: 'reload-failed';
      readonly at: number;
      readonly trigger: ReloadTrigger;
      readonly problems: readonly string[];
    }
  /** A replay began, or went on after a restart; or it has looked at everything it was asked for. */
  | ({ readonly kind: 'replay'; readonly at: number; readonly state: 'started' | 'finished' } & Pick<
      ReplayRecord,
      'id' | 'mode' | 'looked' | 'owed' | 'outdated' | 'unconfigured'
    >)
  /** A request in the quarantine was read again: what it gave, and how many parts of it stay. */
  | {
      readonly kind: 'reread';
      readonly at: number;
      readonly source: string;
      readonly requestId: string;
      readonly accepted: number;
      readonly duplicates: number;
      readonly quarantined: number;
    }
  /** Something of ours failed; nothing is lost by it, and somebody should know. */
  | {
      readonly kind: 'fault';
      readonly at: number;
      readonly part: 'ingest' | 'enrichment' | 'delivery' | 'journal' | 'config' | 'process';
      readonly sink?: string;
      readonly reason: string;
    };

/** The one stream of what happens; hot, with no memory. */
export class ActivityStream extends Subject<Activity> {}
