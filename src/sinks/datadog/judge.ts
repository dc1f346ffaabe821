import type { Outcome } from '../../core/sink.js';
import { outcomeOf } from '../../kit/answer.js';
import type { HttpResult } from '../../kit/exchange.js';

/**
 * What Datadog's answer means. It never answers with a page: whoever does stands in the way (a proxy's login, a
 * captive portal), and has taken nothing, whatever the status says.
 */
export function judge(result: HttpResult, now: number): Outcome {
  const outcome = outcomeOf(result, now);
  if (outcome.kind !== 'delivered' || result.kind !== 'answer' || !isPage(result.headers['content-type']))
    return outcome;
  const { status } = result;
  const reason = `answered ${status} with a web page: this is not Datadog, look at endpoint and the proxies on the way`;
  return { kind: 'parked', cause: 'http', reason, answer: { status, excerpt: result.excerpt() } };
}

/**
 * Whether a parked sink may go on, from the answer to `GET /api/v1/validate`. An endpoint of one's own may not have
 * that page: then only a delivery can tell.
 */
export function isKeyGood(result: HttpResult, hasOwnEndpoint: boolean): boolean {
  if (result.kind === 'failure') return false;
  if (result.status === 404 || result.status === 405) return hasOwnEndpoint;
  return result.status === 200 && /"valid"\s*:\s*true/.test(result.text);
}

function isPage(contentType: string | undefined): boolean {
  return contentType?.toLowerCase().startsWith('text/html') ?? false;
}
