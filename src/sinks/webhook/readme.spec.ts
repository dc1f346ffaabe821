import { describe, expect, it } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync } from 'class-validator';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { formats, methods, WebhookOptions } from './options.js';
import { webhook } from './sink.js';

const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it('shows configs that are valid', () => {
    const blocks = [...readme.matchAll(/^ *```yaml\n(.*?)^ *```$/gms)].map(([, yaml = '']) => yaml);
    expect(blocks).toHaveLength(2);
    const env: Readonly<Record<string, string>> = {
      SOAR_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}`,
      CHAT_URL: 'https://chat.example.com/T0K3N',
    };
    for (const block of blocks) {
      const filled = block.replace(/\$\{(\w+)\}/g, (_, name: string) => env[name] ?? '');
      const { sinks } = parse(filled) as { sinks: Record<string, { type: string }> };
      for (const { type, ...options } of Object.values(sinks)) {
        expect(type).toBe(webhook.type);
        const instance = plainToInstance(WebhookOptions, options);
        expect(validateSync(instance, { whitelist: true, forbidNonWhitelisted: true })).toEqual([]);
      }
    }
  });

  it('tells every option, what it can be, and what it is by itself', () => {
    const [, table = ''] = readme.split('## Options');
    const rows = [...(table.split('\n## ', 1)[0] ?? '').matchAll(/^\| `(\w+)` +\|(.*?)\|(.*)\|$/gm)];
    const known = getMetadataStorage().getTargetValidationMetadatas(WebhookOptions, '', true, false);
    expect(rows.map(([, name]) => name)).toEqual([...new Set(known.map(({ propertyName }) => propertyName))]);
    const presets = new Map<string, unknown>(Object.entries(new WebhookOptions()));
    const told = rows.map(([, name = '', preset = '']) => [name, preset.replaceAll('`', '').trim()]);
    expect(told).toEqual(
      rows.map(([, name = '']) => [name, presets.has(name) ? String(presets.get(name) as string | number) : '']),
    );
    for (const word of [...formats, ...methods]) expect(table).toContain(`\`${word}\``);
  });
});
