import { expect, it } from '@jest/globals';
import { Inject, Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadedConfig, SignalboxConfigModule } from './config.module.js';
import { loadConfig, type LoadedConfig } from './load.js';

@Injectable()
class Reader {
  constructor(@Inject(loadedConfig) readonly config: LoadedConfig) {}
}

it('the config is injected as it was loaded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'signalbox-config-module-'));
  const file = join(folder, 'signalbox.yaml');
  await writeFile(file, 'journal: { type: memory }\nsources: {}\nsinks: {}\nroutes: []\n');
  const loaded = await loadConfig(file, { env: {} });
  const module = await Test.createTestingModule({
    imports: [SignalboxConfigModule.forRoot(loaded)],
    providers: [Reader],
  }).compile();
  expect(module.get(Reader).config).toBe(loaded);
  await module.close();
  await rm(folder, { recursive: true });
});
