import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CliConfig, FakeTerminal, run } from '../../test/support/cli.js';
import { ConfigError } from '../core/errors.js';
import { routesCommand } from './routes.js';

const config = new CliConfig();
beforeEach(() => config.start());
afterEach(() => config.stop());

async function test(terminal: FakeTerminal, ...args: string[]) {
  return run(routesCommand(terminal, config.read), 'test', '-c', config.path('config.yaml'), ...args);
}

describe('signalbox routes test', () => {
  it('says where a body would go, and for each route why', async () => {
    const file = await config.write('body.json', '{"title":"disk is full","severity":"low"}');
    const terminal = new FakeTerminal();
    await test(terminal, '--source', 'warden', file);
    expect(terminal.out).toContain('disk is full\n');
    expect(terminal.out).toContain('goes to archive, pager\n');
    expect(terminal.out).toMatch(/no +urgent +severity is low, wanted >=high\n/);
    expect(terminal.out).toMatch(/takes it +disks +title is \*disk\*\n/);
    expect(terminal.exitCode).toBeUndefined();
    expect(config.sent).toEqual([]);
    expect(config.closed).toEqual(['pager', 'archive']);
  });

  it('reads standard input, and answers in JSON', async () => {
    const terminal = new FakeTerminal('{"title":"fire","severity":"high"}');
    await test(terminal, '-s', 'warden', '-o', 'json', '-');
    expect(JSON.parse(terminal.out)).toMatchObject({
      source: 'warden',
      alerts: [{ alert: { title: 'fire' }, routes: ['urgent'], sinks: ['pager'], reasons: [{}, {}] }],
      unread: [],
    });
  });

  it('fails when a part would be quarantined', async () => {
    const terminal = new FakeTerminal('{"name":"untitled"}');
    await test(terminal, '-s', 'warden', '-');
    expect(terminal.out).toBe('would be quarantined: it has no title\n');
    expect(terminal.exitCode).toBe(1);
  });

  it.each([
    ['pager', undefined],
    ['archive, pager', 1],
    ['archive', 1],
    ['', 1],
  ])('holds what it finds against --expect %j', async (expected, exitCode) => {
    const terminal = new FakeTerminal('{"title":"fire","severity":"high"}');
    await test(terminal, '-s', 'warden', '--expect', expected, '-');
    expect(terminal.exitCode).toBe(exitCode);
    expect(terminal.out.includes('expected')).toBe(exitCode === 1);
  });

  it('cannot be made to steer the terminal', async () => {
    const terminal = new FakeTerminal(JSON.stringify({ title: 'a\u001b[2J\nforged' }));
    await test(terminal, '-s', 'warden', '-');
    expect(terminal.out).toContain('a\\u001b[2J\\u000aforged\n');
  });

  it('is used with the name of a source that there is', async () => {
    const error = await test(new FakeTerminal('{}'), '-s', 'wardne', '-');
    expect(error?.message).toContain('there is no source wardne: write one of warden');
    expect((await test(new FakeTerminal('{}'), '-'))?.code).toBe('commander.missingMandatoryOptionValue');
  });

  it('refuses a config with errors', async () => {
    await config.write('config.yaml', 'sources: {}\nsinks: {}\nroutes: [{ name: a, to: nowhere }]\n');
    await expect(test(new FakeTerminal('{}'), '-s', 'warden', '-')).rejects.toBeInstanceOf(ConfigError);
  });
});
