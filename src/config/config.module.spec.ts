import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Inject, Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadedConfig, readConfig, SignalboxConfigModule } from './config.module.js';
import { loadConfig, type LoadedConfig } from './load.js';

@Injectable()
class Reader {
  constructor(@Inject(loadedConfig) readonly config: LoadedConfig) {}
}

const config = 'logLevel: ${SIGNALBOX_SPEC_LEVEL}\njournal: { type: memory }\nsources: {}\nsinks: {}\nroutes: []\n';
const folderBefore = process.cwd();
let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'signalbox-config-module-'));
  file = join(folder, 'signalbox.yaml');
  await writeFile(file, config);
  process.chdir(folder);
});

afterEach(async () => {
  process.chdir(folderBefore);
  delete process.env['SIGNALBOX_SPEC_LEVEL'];
  await rm(folder, { recursive: true });
});

describe('the config in the application', () => {
  it('is injected as it was loaded', async () => {
    const loaded = await loadConfig(file, { env: { SIGNALBOX_SPEC_LEVEL: 'warn' } });
    const module = await Test.createTestingModule({
      imports: [SignalboxConfigModule.forRoot(loaded)],
      providers: [Reader],
    }).compile();
    expect(module.get(Reader).config).toBe(loaded);
    await module.close();
  });

  it('takes variables from .env', async () => {
    await writeFile(join(folder, '.env'), 'SIGNALBOX_SPEC_LEVEL=debug\n');
    expect((await readConfig(file)).logLevel).toBe('debug');
  });

  it('takes the environment before .env', async () => {
    process.env['SIGNALBOX_SPEC_LEVEL'] = 'error';
    await writeFile(join(folder, '.env'), 'SIGNALBOX_SPEC_LEVEL=debug\n');
    expect((await readConfig(file)).logLevel).toBe('error');
  });
});
