import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonicalJson, contentHash, parseJson, parseJsonText } from './json.js';

const notTheSecret = expect.not.stringContaining('hunter2') as unknown;

describe('a body', () => {
  it('is read as JSON, with a byte order mark or without', () => {
    const read = { kind: 'json', value: { a: 'é' }, flags: [] };
    expect(parseJson(Buffer.from('{"a":"é"}'))).toEqual(read);
    expect(parseJson(Buffer.from('\ufeff{"a":"é"}'))).toEqual(read);
    expect(parseJson(Buffer.from('\ufeff{"a":"é"}', 'utf16le'))).toEqual(read);
    expect(parseJson(Buffer.from('\ufeff{"a":"é"}', 'utf16le').swap16())).toEqual(read);
  });

  it('that is not quite UTF-8 is read all the same, and flagged', () => {
    const broken = Buffer.concat([Buffer.from('{"a":"x'), Buffer.from([0xff]), Buffer.from('"}')]);
    expect(parseJson(broken)).toEqual({ kind: 'json', value: { a: 'x\ufffd' }, flags: ['invalid_utf8_replaced'] });
  });

  it.each([
    ['', 'empty_body: nothing was sent'],
    [' \n', 'empty_body: nothing was sent'],
    ['hello', "not_json: Unexpected token 'h'"],
    ['\u0000', "not_json: Unexpected token ''"],
    ['{"a":', 'not_json: Unexpected end of JSON input'],
    ['['.repeat(65) + ']'.repeat(65), 'too_deep: nested more than 64 levels'],
    ['{"a":'.repeat(70), 'too_deep: nested more than 64 levels'],
  ])('%j is unreadable', (body, reason) => {
    expect(parseJsonText(body)).toEqual({ kind: 'unreadable', reason });
  });

  it('is not quoted in the reason why it cannot be read', () => {
    const bodies = ['{"password":"hunter2", oops "and more of it"', 'hunter2', '["hunter2"]]'];
    expect(bodies.map(parseJsonText)).toEqual(bodies.map(() => ({ kind: 'unreadable', reason: notTheSecret })));
  });

  it('may be as deep as 64 levels, and hold any bracket inside its strings', () => {
    expect(parseJsonText('['.repeat(64) + ']'.repeat(64)).kind).toBe('json');
    expect(parseJsonText(JSON.stringify({ a: '[{\\"'.repeat(100), 'b\\': '"[' })).kind).toBe('json');
  });

  it('of many alerts is read, however many brackets it holds in all', () => {
    const alerts = Array.from({ length: 2_000 }, (_, n) => ({ id: `a-${n}`, tags: ['x'] }));
    expect(parseJsonText(JSON.stringify({ alerts }))).toMatchObject({ kind: 'json', value: { alerts } });
  });

  it('of a million keys is read', () => {
    const keys = Array.from({ length: 1_000_000 }, (_, n) => `"k${n}":1`).join(',');
    expect(parseJsonText(`{${keys}}`).kind).toBe('json');
  });

  it('keeps every digit of whole numbers that a double would round', () => {
    const body =
      '{"id":12345678901234567890,"low":[-9007199254740993],"safe":9007199254740991,"text":"\\"12345678901234567890",' +
      '"part":0.12345678901234567890,"power":12345678901234567890e2,"tiny":1e-1234567890123456}';
    expect(parseJsonText(body)).toEqual({
      kind: 'json',
      value: {
        id: '12345678901234567890',
        low: ['-9007199254740993'],
        safe: 9007199254740991,
        text: '"12345678901234567890',
        part: 0.12345678901234568,
        power: 1.234567890123456789e21,
        tiny: 0,
      },
      flags: [],
    });
  });

  it('loses the members that could become a prototype, however they are spelled', () => {
    const body = '{"a":{"__proto__":{"x":1},"b":"__proto__"},"c":[{"\\u005f_proto_\\u005F":2}],"d":"\\u0041"}';
    expect(parseJsonText(body)).toEqual({
      kind: 'json',
      value: { a: { b: '__proto__' }, c: [{}], d: 'A' },
      flags: ['unsafe_key_dropped'],
    });
    expect(parseJsonText('{"a":"\\u0041__proto__"}')).toMatchObject({ value: { a: 'A__proto__' }, flags: [] });
  });

  it('that is JSON is what JSON.parse says it is, whatever the whitespace', () => {
    const spacing = fc.constantFrom(undefined, 1, '\t');
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, noUnicodeString: false }), spacing, (value, space) => {
        const body = JSON.stringify(value, null, space);
        fc.pre(!/\d{16}|__proto__/.test(body));
        expect(parseJsonText(body)).toEqual({ kind: 'json', value: JSON.parse(body) as unknown, flags: [] });
      }),
    );
  });

  it('of any bytes throws nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['json', 'unreadable']).toContain(parseJson(Buffer.from(bytes)).kind);
      }),
    );
  });
});

describe('canonical JSON', () => {
  it('is the same for every order of keys and every formatting', () => {
    const one: unknown = JSON.parse('{"b":[1,{"y":null,"x":"é"}],"a":1.0,"10":true,"9":false,"__proto__":{}}');
    const other: unknown = JSON.parse(
      '{ "__proto__":{}, "9":false,"10":true,"a":1,"b":[1, {"x":"\\u00e9","y":null}] }',
    );
    expect(canonicalJson(one)).toBe('{"10":true,"9":false,"__proto__":{},"a":1,"b":[1,{"x":"é","y":null}]}');
    expect(canonicalJson(other)).toBe(canonicalJson(one));
    expect(contentHash(other)).toBe(contentHash(one));
  });

  it('says the same as the value it was made of', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as unknown;
        expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
      }),
    );
  });

  it('has a hash of 64 hex digits', () => {
    expect(contentHash([])).toMatch(/^[0-9a-f]{64}$/);
    expect(contentHash([])).not.toBe(contentHash({}));
  });
});
