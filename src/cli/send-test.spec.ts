import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CliConfig, FakeTerminal, run } from '../../test/support/cli.js';
import { sendTestCommand } from './send-test.js';

let config: CliConfig;
let terminal: FakeTerminal;
beforeEach(async () => {
  config = new CliConfig();
  terminal = new FakeTerminal();
  await config.start();
});
afterEach(() => config.stop());

async function send(...args: string[]) {
  return run(sendTestCommand(terminal, config.read), '-c', config.path('config.yaml'), ...args);
}

describe('signalbox send-test', () => {
  it('sends one alert that says it is a test, through the sink as configured', async () => {
    config.outcome = { kind: 'delivered', remoteId: 'evt-1', answer: { status: 202 } };
    await send('pager');
    expect(config.sent).toMatchObject([
      {
        sink: 'pager',
        attempt: 1,
        routes: ['send-test'],
        alert: {
          schema: 'signalbox.alert/1',
          kind: 'test',
          severity: 'informational',
          action: 'create',
          title: 'Signalbox test alert',
          source: { vendor: 'signalbox', sourceId: 'send-test' },
        },
      },
    ]);
    expect(terminal.out).toMatch(/^pager: delivered, HTTP 202 as evt-1 \(\d+ ms\)\n$/);
    expect(terminal.exitCode).toBeUndefined();
    expect(config.closed).toEqual(['pager', 'archive']);
  });

  it('is another finding each time', async () => {
    await send('pager');
    await send('pager');
    const [first, second] = config.sent;
    expect(first?.alert.fingerprint).not.toBe(second?.alert.fingerprint);
  });

  it('fails with the reason when it was not delivered', async () => {
    config.outcome = { kind: 'parked', reason: 'the key is\u001b[31m wrong', cause: 'http', answer: { status: 403 } };
    await send('pager');
    expect(terminal.out).toMatch(/^pager: parked, HTTP 403: the key is\\u001b\[31m wrong/);
    expect(terminal.exitCode).toBe(1);
  });

  it('answers in JSON', async () => {
    config.outcome = { kind: 'retry', reason: 'busy', cause: 'http', answer: { status: 503 } };
    await send('archive', '-o', 'json');
    const { durationMs: _durationMs, ...answer } = JSON.parse(terminal.out) as Record<string, unknown>;
    const alertId = config.sent[0]?.alert.id;
    expect(answer).toEqual({ sink: 'archive', alertId, ...config.outcome });
  });

  it('is used with the name of a sink that there is', async () => {
    expect((await send('nowhere'))?.message).toContain('there is no sink nowhere: write one of pager, archive');
    expect(config.sent).toEqual([]);
  });
});
