import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import { AlertLogicOptions } from './options.js';

const problemsOf = (mapping: unknown): string | undefined => {
  const options = plainToInstance(AlertLogicOptions, { auth: 'none', mapping });
  const problems = validateSync(options, { whitelist: true, forbidNonWhitelisted: true });
  return problems.find(({ property }) => property === 'mapping')?.constraints?.['isMapping'];
};

describe('a mapping', () => {
  it.each([undefined, { title: '$.text' }, { title: 'text', severity: "['a.b']", ip: '$.hosts[0].ip' }])(
    '%j is taken',
    (mapping) => {
      expect(problemsOf(mapping)).toBeUndefined();
    },
  );

  it.each([
    [{}, 'mapping: title is missing: every alert needs one'],
    [{ title: '$.a', titel: '$.b' }, 'mapping: "titel" is no field; there are title, id, severity'],
    [{ title: '$.a[' }, 'mapping: title: "$.a[" is no path from character 4 on: write a path such as'],
    [{ title: 7 }, 'mapping: title must be a path in quotes, such as "$.text"'],
    ['$.text', 'mapping: must map alert fields to JSON paths, such as'],
    [['$.text'], 'mapping: must map alert fields to JSON paths, such as'],
  ])('%j is refused with all that is wrong', (mapping, message) => {
    expect(problemsOf(mapping)).toContain(message);
  });

  it('is described to editors', () => {
    const { properties } = targetConstructorToSchema(AlertLogicOptions);
    const isInSchema = new Ajv({ strict: false }).compile(properties?.['mapping'] ?? false);
    expect([{ title: '$.a' }, { titel: '$.a' }, {}, '$.a'].map((mapping) => isInSchema(mapping))).toEqual([
      ...[true, false, false, false],
    ]);
  });
});
