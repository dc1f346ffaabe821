import { defineSink, type Sink } from '../../core/sink.js';
import { openHttp } from '../../kit/http.js';
import { deliverEvent, v1, v2 } from './deliver-event.js';
import { deliverLogs, maxAlertBytes, maxLogs } from './deliver-logs.js';
import { isKeyGood } from './judge.js';
import { DatadogOptions } from './options.js';
import { intakeUrl, validateUrl } from './sites.js';
import { keptMs } from './time-window.js';

/** Datadog: an event for each alert, or logs by the thousand. */
export const datadog = defineSink({
  type: 'datadog',
  options: DatadogOptions,
  open(options, { now }): Sink {
    const { intake, site, endpoint, apiKey, applicationKey, allowCidrs = [], allowPorts = [] } = options;
    const egress = { allowCidrs, allowPorts };
    const concurrency = options.concurrency ?? (intake === 'logs' ? 4 : 16);
    const credentials = { 'dd-api-key': apiKey, ...(applicationKey && { 'dd-application-key': applicationKey }) };
    const coding = intake === 'logs' && { 'content-encoding': 'gzip' };
    const headers = { 'content-type': 'application/json', ...coding, ...credentials };
    const http = openHttp({ headers, ...egress, connections: concurrency });
    const validation = openHttp({ headers: credentials, ...egress, connections: 1 });
    const url = intakeUrl(intake, site, endpoint);
    const tags = [...(options.tags ?? []), ...(options.service === undefined ? [] : [`service:${options.service}`])];
    const format = intake === 'events-v2' ? v2 : v1;
    const post = (signal: AbortSignal) => (body: string | Buffer) => http.send({ method: 'POST', url, body }, signal);

    return {
      ...(intake === 'logs' ? { maxBatch: maxLogs, maxBatchBytes: maxAlertBytes } : { maxBatch: 1 }),
      concurrency,
      keepsState: intake === 'events-v2',
      maxAge: keptMs,
      deliver:
        intake === 'logs'
          ? (batch, signal) => deliverLogs(batch, { ...options, tags }, post(signal), now)
          : (batch, signal) => Promise.all(batch.map((one) => deliverEvent(one, format, tags, post(signal), now))),
      async probe(signal) {
        const result = await validation.send({ method: 'GET', url: validateUrl(site, endpoint) }, signal);
        return isKeyGood(result, endpoint !== undefined);
      },
      async close() {
        await Promise.all([http.close(), validation.close()]);
      },
    };
  },
});
