import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from './read.js';

const config = 'logLevel: ${SIGNALBOX_SPEC_LEVEL}\njournal: { type: memory }\nsources: {}\nsinks: {}\nroutes: []\n';
const folderBefore = process.cwd();
let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-read-'));
  file = join(folder, 'signalbox.yaml');
  await writeFile(file, config);
  process.chdir(folder);
});

afterEach(async () => {
  process.chdir(folderBefore);
  delete process.env['SIGNALBOX_SPEC_LEVEL'];
  await rm(folder, { recursive: true });
});

describe('the variables of a config', () => {
  it('come from .env', async () => {
    await writeFile(join(folder, '.env'), 'SIGNALBOX_SPEC_LEVEL=debug\n');
    expect((await readConfig(file)).logLevel).toBe('debug');
  });

  it('come from the environment before .env', async () => {
    process.env['SIGNALBOX_SPEC_LEVEL'] = 'error';
    await writeFile(join(folder, '.env'), 'SIGNALBOX_SPEC_LEVEL=debug\n');
    expect((await readConfig(file)).logLevel).toBe('error');
  });

  it('come from the environment where there is no .env', async () => {
    process.env['SIGNALBOX_SPEC_LEVEL'] = 'warn';
    expect((await readConfig(file)).logLevel).toBe('warn');
  });
});
