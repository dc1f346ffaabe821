import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import { IsSeverityTable, severityReader, type SeverityTable } from './severity.js';

describe("a vendor's severity", () => {
  const table: SeverityTable = { '1': 'high', '2': 'medium', info: 'informational' };

  it.each([
    [1, 'high'],
    [' 2 ', 'medium'],
    ['Info', 'informational'],
  ])('%j is %s', (word, severity) => {
    const flags = new Set<string>();
    expect(severityReader(table)(word, flags)).toBe(severity);
    expect(flags.size).toBe(0);
  });

  it.each([9, 'toString', '', null, undefined, {}, 1.5])('%j is unknown, which is flagged', (word) => {
    const flags = new Set<string>();
    expect(severityReader(table)(word, flags)).toBe('unknown');
    expect([...flags]).toEqual(['severity_unmapped']);
  });

  it('is what the config says it is, which is flagged', () => {
    const flags = new Set<string>();
    const severityOf = severityReader(table, { info: 'low', nine: 'critical' });
    expect([severityOf('INFO', flags), severityOf('nine', flags)]).toEqual(['low', 'critical']);
    expect([...flags]).toEqual(['severity_overridden']);
    expect(severityOf(1, new Set())).toBe('high');
  });
});

describe('a table of severities in the config', () => {
  class Options {
    @IsSeverityTable()
    severities?: SeverityTable;
  }
  const read = (severities: unknown): Options => plainToInstance(Options, { severities });
  const isInSchema = (severities: unknown): boolean =>
    new Ajv({ strict: false }).validate(targetConstructorToSchema(Options), { severities });

  it('may be written in any case, with numbers too', () => {
    const options = read({ 3: 'medium', 'Very High ': 'critical' });
    expect(validateSync(options)).toEqual([]);
    expect(options.severities).toEqual({ '3': 'medium', 'very high': 'critical' });
    expect(isInSchema({ 3: 'medium' })).toBe(true);
  });

  it.each([{ urgent: 'severe' }, { urgent: 5 }, 'high', ['high'], 7])('%j is refused with a hint', (severities) => {
    const [problem] = validateSync(read(severities));
    expect(problem?.constraints?.['isSeverityTable']).toMatch(/^severities must map .* unknown, informational/);
    expect(isInSchema(severities)).toBe(false);
  });
});
