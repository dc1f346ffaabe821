import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { CliConfig, FakeTerminal, run } from '../../test/support/cli.js';
import { validateCommand } from './validate.js';

const config = new CliConfig();
beforeEach(() => config.start());
afterEach(() => config.stop());

async function validate(file: string, ...args: string[]) {
  const terminal = new FakeTerminal();
  const refused = await run(validateCommand(terminal, config.read), '-c', file, ...args);
  return { terminal, refused };
}

const lopsided = `
journal: { type: nowhere }
sources: { warden: { type: warden, auth: none } }
sinks: { pager: { type: box, lable: x } }
routes: []
`;

describe('signalbox validate', () => {
  it('says that a config can be used, and leaves nothing open', async () => {
    const file = config.path('config.yaml');
    const { terminal } = await validate(file);
    expect(terminal).toMatchObject({ out: `${file} can be used: 1 sources, 2 sinks, 2 routes\n`, err: '' });
    expect(terminal.exitCode).toBeUndefined();
    expect(config.closed).toEqual(['pager', 'archive']);
  });

  it('names every problem with its place, and exits 78', async () => {
    const file = await config.write('wrong.yaml', lopsided);
    const { terminal } = await validate(file);
    expect(terminal).toMatchObject({ out: '', exitCode: 78 });
    expect(terminal.err.split('\n')).toEqual([
      `${file}:4:30: unknown key "lable"; did you mean "label"?`,
      `${file}:5:1: warning: there is no route: every alert is kept and counted as unrouted, and none is sent`,
      '',
    ]);
  });

  it('exits 78 when there is no such file', async () => {
    const { terminal } = await validate(config.path('none.yaml'));
    expect(terminal).toMatchObject({ exitCode: 78 });
    expect(terminal.err).toContain('none.yaml:1:1: the config cannot be read: there is no such file');
  });

  it('tells warnings, and is content all the same', async () => {
    const file = await config.write('lax.yaml', lopsided.replace('lable', 'label'));
    const { terminal } = await validate(file);
    expect(terminal.err).toContain('warning: there is no route');
    expect(terminal.exitCode).toBeUndefined();
  });

  it('answers programs in JSON', async () => {
    const file = await config.write('wrong.yaml', lopsided);
    const { terminal } = await validate(file, '-o', 'json');
    expect(terminal).toMatchObject({ err: '', exitCode: 78 });
    expect(JSON.parse(terminal.out)).toMatchObject({
      file,
      valid: false,
      problems: [
        { line: 4, column: 30, severity: 'error' },
        { line: 5, column: 1, severity: 'warning' },
      ],
    });
  });

  it('prints the config in force as YAML that could be used again', async () => {
    const { terminal } = await validate(config.path('config.yaml'), '--print');
    expect(parse(terminal.out)).toMatchObject({
      ingest: { port: 8080, maxBody: '5mb' },
      journal: { type: 'nowhere' },
      sources: { warden: { type: 'warden', auth: 'none' } },
    });
    const again = await validate(await config.write('printed.yaml', terminal.out), '--print');
    expect(again.terminal).toMatchObject({ out: terminal.out, err: '' });
  });

  it('prints the config in force as JSON', async () => {
    const { terminal } = await validate(config.path('config.yaml'), '--print', '-o', 'json');
    expect(JSON.parse(terminal.out)).toMatchObject({ valid: true, config: { routes: [{ name: 'urgent' }, {}] } });
  });

  it('says nothing that steers a terminal', async () => {
    const route = '  - { name: odd, to: "pager\\e[2J\\u202e" }\n';
    const file = await config.write('odd.yaml', lopsided.replace('lable', 'label').replace(' []\n', `\n${route}`));
    const { terminal } = await validate(file);
    expect(terminal.err).toContain('there is no sink');
    expect(terminal.err).not.toMatch(/(?!\n)[\p{Cc}\u202e]/u);
  });

  it('knows two formats only', async () => {
    const { refused } = await validate(config.path('config.yaml'), '-o', 'xml');
    expect(refused?.message).toContain('Allowed choices are text, json');
  });
});
