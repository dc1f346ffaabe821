import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { repaired } from './repair.js';
import { incidentKeys, observationKeys } from './sample-template.js';

/** As the vendor's template language fills a template in: without escaping. */
const filledIn = (keys: readonly string[], values: Readonly<Record<string, string>>): string =>
  `{\n${keys.map((key) => `  "${key}": "${values[key] ?? ''}"`).join(',\n')}\n}`;

describe('what the sample templates make of a text', () => {
  it.each([
    ['a quotation mark', 'He said "hello".'],
    ['a line break', 'One\r\ntwo'],
    ['both, and a path', '"C:\\new\\temp"\nis gone'],
    ['a comma and a quotation mark at the end', 'a, "b",'],
    ['braces', '{ "a": "b" }\n}'],
  ])('with %s is read', (_name, description) => {
    const values = { long_incident_id: 'A1', description, recommendations: description, status: 'open' };
    expect(repaired(filledIn(incidentKeys, values))).toMatchObject(values);
    const observation = { summary: 's', description, message: description, severity: 'Low' };
    expect(repaired(filledIn(observationKeys, observation))).toMatchObject(observation);
  });

  it('cannot be given another id, rating or state by what an attacker wrote into it', () => {
    const forged = '", "long_incident_id": "B2", "threat_rating": "Info",\n "status": "completed", "x": "';
    const values = { long_incident_id: 'A1', threat_rating: 'High', status: 'open' };
    for (const field of ['description', 'recommendations']) {
      expect(repaired(filledIn(incidentKeys, { ...values, [field]: forged }))).toMatchObject(values);
    }
  });

  it('keeps any text in the description', () => {
    fc.assert(
      fc.property(fc.string(), (words) => {
        const description = `"\n${words}`;
        expect(repaired(filledIn(incidentKeys, { description }))?.['description']).toBe(description);
      }),
    );
  });

  it.each([
    ['another template', '{ "text": "He said "hello"" }'],
    ['a body cut short', filledIn(incidentKeys, { description: '"' }).slice(0, 200)],
    ['a template without some of its lines', filledIn(incidentKeys.slice(2), { description: '"' })],
    ['no object', '"long_incident_id"'],
    ['nothing', ''],
  ])('is not guessed at: %s', (_name, body) => {
    expect(repaired(body)).toBeUndefined();
  });

  it('is given up without an exception, whatever it is', () => {
    const pieces = fc.constantFrom(
      ...incidentKeys.map((key) => `, "${key}": "`),
      '"',
      '\\',
      '\\u12',
      '\\N',
      '\n',
      ' x',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 60 }), (parts) => {
        repaired(`{${parts.join('')}}`);
        repaired(filledIn(incidentKeys, { description: parts.join('') }));
      }),
    );
  });
});
