import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Reading } from '../../core/source.js';
import { mappedFields } from './mapping.js';
import { AlertLogicOptions } from './options.js';
import { incidentKeys } from './sample-template.js';

const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
const blocks = (language: string): readonly string[] =>
  [...readme.matchAll(new RegExp(`^ *\`\`\`${language}\\n(.*?)^ *\`\`\`$`, 'gms'))].map((match) => match[1] ?? '');

describe('the README', () => {
  it('shows configs that are valid', () => {
    const examples = blocks('yaml').map(
      (yaml) => (parse(yaml) as { sources: { alertlogic: { type: string } } }).sources.alertlogic,
    );
    expect(examples).toHaveLength(3);
    for (const { type, ...options } of examples) {
      expect(type).toBe('alertlogic');
      const instance = plainToInstance(AlertLogicOptions, options);
      expect(validateSync(instance, { whitelist: true, forbidNonWhitelisted: true })).toEqual([]);
    }
  });

  it('shows a flat template with all the keys that are read, and no other', () => {
    const [whole, flat] = blocks('jq');
    expect(whole?.trim()).toBe('.');
    const keys = [...(flat ?? '').matchAll(/^ {2}(\w+): /gm)].map((match) => match[1]);
    expect(keys).toEqual([...incidentKeys, 'updated_timestamp', 'incident_url']);
  });

  it('names every field of a mapping', () => {
    for (const name of mappedFields) expect(readme).toContain(`\`${name}\``);
  });

  it('explains every flag that a fixture has, but those of reading times', () => {
    const folder = new URL('./fixtures/', import.meta.url);
    const flags = readdirSync(folder)
      .filter((name) => name.endsWith('.expected.json'))
      .map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Reading)
      .flatMap(({ drafts }) => drafts.flatMap(({ quality }) => quality))
      .filter((flag) => !/^(assumed_utc|time_(implausible|unreadable|unit_guessed))$/.test(flag));
    expect(flags).not.toHaveLength(0);
    for (const flag of new Set(flags)) expect(readme).toContain(`\`${flag}\``);
  });
});
