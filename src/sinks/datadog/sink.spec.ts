import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { gunzipSync } from 'node:zlib';
import { describeSink } from '../../../test/contract/sink.js';
import type { ServedRequest } from '../../../test/support/scripted-server.js';
import { DatadogOptions } from './options.js';
import { datadog } from './sink.js';

const textOf = ({ body, headers }: ServedRequest): string =>
  (headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();

for (const intake of ['events', 'events-v2', 'logs']) {
  describeSink({
    plugin: datadog,
    folder: new URL('./', import.meta.url),
    variant: intake,
    options: ({ url, secret }) => ({ intake, endpoint: url, apiKey: secret, applicationKey: `app-${secret}` }),
    http: {
      good: ({ path }) =>
        path === '/api/v1/validate' ? { status: 200, body: '{"valid":true}' } : { status: 202, body: '{}' },
      // Once an alert is too old for Datadog, the time that it is given moves with the clock.
      withoutClock: (request) =>
        JSON.parse(textOf(request), (key, value: unknown) =>
          key === 'date_happened' || key === 'timestamp' ? undefined : value,
        ) as unknown,
    },
  });
}

describe('the options', () => {
  const complaintsAbout = (options: object): string => {
    const errors = validateSync(plainToInstance(DatadogOptions, { apiKey: 'x', ...options }));
    return errors.flatMap(({ constraints }) => Object.values(constraints ?? {})).join('\n');
  };

  it('may all be left out but the key', () => {
    expect(complaintsAbout({})).toBe('');
    expect(complaintsAbout({ apiKey: undefined })).toContain('apiKey must be a non-empty string');
  });

  it.each([
    [{ site: 'app.datadoghq.eu' }, 'site must be datadoghq.eu: app.datadoghq.eu is the console'],
    [{ intake: 'metrics' }, 'intake must be one of the following values: events, events-v2, logs'],
    [{ endpoint: 'datadog.example.com' }, 'endpoint must be a base URL such as https://'],
    [{ endpoint: 'https://user:pass@example.com' }, 'endpoint must be a base URL such as https://'],
    [{ endpoint: 'http://127.0.0.1:8126' }, 'endpoint cannot be called: 127.0.0.1 is not a public address'],
    [{ endpoint: 'https://169.254.169.254', allowCidrs: '0.0.0.0/0' }, 'which is never called'],
    [{ endpoint: 'https://proxy.example.com:4443' }, 'to allow it, name it in allowPorts'],
    [{ tags: 'env=prod' }, 'tags must hold tags such as env:prod'],
    [{ ocsf: true }, 'ocsf needs intake: logs'],
    [{ allowCidrs: '10.0.0.0/99' }, 'allowCidrs must hold addresses or networks'],
    [{ concurrency: 0 }, 'concurrency must not be less than 1'],
  ])('such as %j are told what is wanted', (options, complaint) => {
    expect(complaintsAbout(options)).toContain(complaint);
  });

  it.each([
    { endpoint: 'http://127.0.0.1:8126', allowCidrs: '127.0.0.1' },
    { endpoint: 'https://proxy.example.com:4443', allowPorts: 4443 },
    { endpoint: 'https://proxy/dd' },
    { tags: ['env:prod', 'Team:SecOps'] },
    { intake: 'logs', ocsf: true, service: 'soc' },
  ])('may be %j', (options) => {
    expect(complaintsAbout(options)).toBe('');
  });
});
