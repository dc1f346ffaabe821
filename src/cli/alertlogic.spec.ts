import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startAlertLogicApi, type AlertLogicApi } from '../../test/support/alertlogic-api.js';
import { attempts, incident, uploadId } from '../../test/support/alertlogic-records.js';
import { CliConfig, FakeTerminal, run } from '../../test/support/cli.js';
import { loadConfig } from '../config/load.js';
import { alertlogicCommand } from './alertlogic.js';

const config = new CliConfig();
let server: AlertLogicApi;
let terminal: FakeTerminal;

beforeAll(async () => {
  server = await startAlertLogicApi();
});
beforeEach(async () => {
  server.clear();
  server.have([incident()]);
  server.haveEvidence(uploadId, { event: attempts });
  terminal = new FakeTerminal();
  await config.start();
});
afterEach(() => config.stop());
afterAll(() => server.close());

const ask = (...args: string[]) =>
  run(
    alertlogicCommand(terminal, (file) => loadConfig(file, { env: {} })),
    'incident',
    ...args,
  );
const key = () => ['--access-key-id', 'a1b2c3d4e5f60718', '--secret-key', 'secret-key-1', '--url', server.url];
const lines = () => terminal.out.split('\n').map((line) => line.trim());

describe('alertlogic incident', () => {
  it('prints what is known, under the headings of the predecessor', async () => {
    await ask(uploadId, ...key());
    expect(lines()).toEqual(
      expect.arrayContaining([
        'Customer ID: 134310777',
        `Incident ID: ${uploadId}`,
        'Verdict: 14 of 16 attempts were refused (403), 2 succeeded (200) on example.net',
        'Incident Details:',
        'Summary of Events',
        'Summary Breakdown:',
        'Totals:',
        'Unique Signatures:',
        'Unique Hosts:',
        'Response Code Tally:',
        '200: 14603, 14611',
      ]),
    );
    expect(lines()).not.toContain('Events:');
  });

  it('prints each event with --events, its address defanged, its credentials cut out', async () => {
    await ask('k4w9tz', '--events', ...key());
    expect(lines()).toEqual(
      expect.arrayContaining([
        'Events:',
        'Event ID: 14600',
        expect.stringMatching(/^Event Link: https:\/\/console\.clouddefender/),
        'Event Details:',
        'Signature Details:',
        'Event Payload:',
        'Packet Details:',
        'Request Packet:',
        'Restful Call: POST',
        'Host: example.net',
        'Resource: /import/run.php?step=2',
        'Full URL: example[.]net/import/run.php?step=2',
        'Response Packet:',
        'Response Code: 403',
        'Response Message: Forbidden',
        'Full Payload:',
        'Decompressed Data:',
        '<html>imported</html>',
      ]),
    );
    expect(terminal.out).toContain('user=importer&password=[secret]&file=shell.php');
    expect(terminal.out).not.toContain('letmein');
  });

  it('shows credentials to whoever asks for them', async () => {
    await ask(uploadId, '--events', '--show-credentials', ...key());
    expect(terminal.out).toContain('password=letmein-14600');
  });

  it('answers in JSON, where the address is as it was', async () => {
    await ask(uploadId, '-o', 'json', ...key());
    expect(JSON.parse(terminal.out)).toMatchObject({ verdict: expect.stringContaining('14 of 16') as unknown });
    expect(JSON.parse(terminal.out)).not.toHaveProperty('events');
    terminal.out = '';
    await ask(uploadId, '-o', 'json', '--events', ...key());
    expect(JSON.parse(terminal.out)).toMatchObject({
      events: {
        '14603': {
          event_payload: { packet_details: { request_packet: { full_url: 'example.net/import/run.php?step=2' } } },
        },
      },
    });
  });

  it('takes the api block of the config', async () => {
    const source = (name: string) => [
      `  ${name}:`,
      '    type: alertlogic',
      '    auth: none',
      `    api: { accessKeyId: a1b2c3d4e5f60718, secretKey: secret-key-1, baseUrl: "${server.url}", allowCidrs: 127.0.0.0/8 }`,
    ];
    const file = (...sources: string[]) =>
      config.write(
        'al.yaml',
        ['journal: { type: memory }', 'sources:', ...sources, 'sinks: {}', 'routes: []'].join('\n'),
      );
    await file(...source('east'));
    await ask(uploadId, '-c', config.path('al.yaml'));
    expect(terminal.out).toContain('14 of 16');
    await file(...source('east'), ...source('west'));
    expect((await ask(uploadId, '-c', config.path('al.yaml')))?.message).toContain('--source with one of east, west');
    terminal.out = '';
    await ask(uploadId, '-c', config.path('al.yaml'), '--source', 'west');
    expect(terminal.out).toContain('14 of 16');
    const none = await ask(uploadId, '-c', config.path('al.yaml'), '--source', 'north');
    expect(none?.message).toContain('no source north of type alertlogic with an api block');
  });

  it('says when there is no such incident, or the key is wrong', async () => {
    await expect(ask('NONE000000000000', ...key())).rejects.toThrow(
      'there is no incident NONE000000000000 in the account 134310777',
    );
    server.answerSignIn({ status: 401, body: '{"error":"mfa_code_required"}' });
    await expect(ask(uploadId, ...key())).rejects.toThrow('second factor');
  });
});
