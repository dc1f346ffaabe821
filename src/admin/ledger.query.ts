import { OptionalTime } from './optional.js';

/** Which hours `GET /api/v1/ledger` shows and checks: by default those of the last day. */
export class LedgerQuery {
  @OptionalTime('hours from this time on')
  from?: number;

  @OptionalTime('hours before this time')
  until?: number;
}
