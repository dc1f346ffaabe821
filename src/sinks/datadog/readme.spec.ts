import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync } from 'class-validator';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { DatadogOptions } from './options.js';
import { datadog } from './sink.js';
import { intakes, sites } from './sites.js';

const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it('shows a config that is valid', () => {
    const yaml = /^ *```yaml\n(.*?)^ *```$/ms.exec(readme)?.[1] ?? '';
    const { sinks } = parse(yaml) as { sinks: { datadog: { type: string } } };
    const { type, ...options } = sinks.datadog;
    expect(type).toBe(datadog.type);
    const instance = plainToInstance(DatadogOptions, options);
    expect(validateSync(instance, { whitelist: true, forbidNonWhitelisted: true })).toEqual([]);
  });

  it('tells every option, and what it is by itself', () => {
    const [, table = ''] = readme.split('## Options');
    const rows = [...(table.split('\n## ', 1)[0] ?? '').matchAll(/^\| `(\w+)` +\|(.*?)\|(.*)\|$/gm)];
    const known = getMetadataStorage().getTargetValidationMetadatas(DatadogOptions, '', true, false);
    const names = [...new Set(known.map(({ propertyName }) => propertyName))];
    expect(rows.map(([, name]) => name).sort()).toEqual(names.sort());
    const presets = new DatadogOptions();
    const told = new Map(rows.map(([, name, preset]) => [name, preset?.replaceAll('`', '').trim()]));
    expect(told.get('intake')).toBe(presets.intake);
    expect(told.get('site')).toBe(presets.site);
    for (const word of [...sites, ...intakes]) expect(table).toContain(`\`${word}\``);
  });
});
