import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { FakeTerminal, run } from '../../test/support/cli.js';
import { configSchema } from '../config/schema.js';
import { schemaCommand } from './schema.js';

describe('signalbox schema', () => {
  it('prints the schema of the config file', async () => {
    const terminal = new FakeTerminal();
    await run(schemaCommand(terminal));
    expect(JSON.parse(terminal.out)).toEqual(JSON.parse(JSON.stringify(configSchema())));
  });
});
