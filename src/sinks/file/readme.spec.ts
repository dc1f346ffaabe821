import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync } from 'class-validator';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { sampleAlert } from '../../../test/support/alerts.js';
import { file, FileOptions, formats } from './sink.js';

const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
const block = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(readme)?.[1] ?? '';

describe('the README', () => {
  it('shows a config that is valid', () => {
    const { sinks } = parse(block('yaml')) as { sinks: { archive: { type: string } } };
    const { type, ...options } = sinks.archive;
    expect(type).toBe(file.type);
    const instance = plainToInstance(FileOptions, options);
    expect(validateSync(instance, { whitelist: true, forbidNonWhitelisted: true })).toEqual([]);
  });

  it('tells every option, what it can be, and what it is by itself', () => {
    const rows = [...readme.matchAll(/^\| `(\w+)` +\|(.*?)\|(.*)\|$/gm)];
    const known = getMetadataStorage().getTargetValidationMetadatas(FileOptions, '', true, false);
    expect(rows.map(([, name]) => name)).toEqual([...new Set(known.map(({ propertyName }) => propertyName))]);
    const told = rows.map(([, name, preset]) => [name, preset?.replaceAll('`', '').trim()]);
    expect(told).toEqual([
      ['path', ''],
      ['format', new FileOptions().format],
    ]);
    for (const format of formats) expect(rows.at(-1)?.[3]).toContain(`\`${format}\`: `);
  });

  it('shows one line, with the fields that every alert has', () => {
    const line = block('json').trimEnd();
    expect(line).not.toContain('\n');
    const { schema, severity, severityId, action } = sampleAlert();
    expect(JSON.parse(line)).toMatchObject({ schema, severity, severityId, action });
  });
});
