/**
 * The stand-in Datadog as a process. Sends its port; on any message it sends what arrived since the last one, with the
 * times from the load's sending (in the alert's id) to arrival here, and starts afresh.
 */
import { startDatadog, type JsonObject } from '../test/support/datadog.js';
import { percentile } from './report.js';

export type DatadogReport = { readonly received: number; readonly p50Ms: number; readonly p99Ms: number };

const reference = /ref ([0-9a-f]{13})/;
let received = 0;
let times: number[] = [];

const datadog = await startDatadog({
  remember: false,
  onAccepted: (_, body) => {
    received += 1;
    const sentMicros = Number.parseInt(reference.exec(textOf(body))?.[1] ?? '', 16);
    if (!Number.isNaN(sentMicros)) times.push(performance.timeOrigin + performance.now() - sentMicros / 1_000);
  },
});

function textOf(body: JsonObject): string {
  const text = body['text'] ?? body['message'];
  return typeof text === 'string' ? text : '';
}

process.on('message', () => {
  const report: DatadogReport = { received, p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) };
  received = 0;
  times = [];
  process.send?.(report);
});
process.send?.(Number(new URL(datadog.url).port));
