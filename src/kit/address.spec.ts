import { describe, expect, it } from '@jest/globals';
import 'reflect-metadata';
import { validateSync } from 'class-validator';
import { targetConstructorToSchema } from 'class-validator-jsonschema';
import { addressList, clientAddress, IsCidr } from './address.js';

describe('a list of networks', () => {
  const inside = addressList(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::ffff:198.51.100.0/120']);

  it.each(['10.0.0.1', '10.255.255.255', '192.0.2.7', '2001:db8:1::9', '198.51.100.200'])('holds %s', (address) => {
    expect(inside(address)).toBe(true);
  });

  it('takes IPv4 inside IPv6 for IPv4', () => {
    expect(inside('::ffff:10.1.2.3')).toBe(true);
    expect(inside('::ffff:a01:203')).toBe(true);
    expect(inside('::ffff:11.1.2.3')).toBe(false);
  });

  it.each(['11.0.0.1', '192.0.2.8', '2001:db9::1', '::1'])('does not hold %s', (address) => {
    expect(inside(address)).toBe(false);
  });

  it.each(['', 'localhost', '10.1', '0xa.0.0.1', '012.0.0.1', '10.0.0.1, 1.2.3.4', '10.0.0.1/8'])(
    'does not take %j for an address',
    (text) => {
      expect(inside(text)).toBe(false);
    },
  );

  it('covers everything of one family with /0, and nothing of the other', () => {
    const all4 = addressList(['0.0.0.0/0']);
    expect(all4('203.0.113.9')).toBe(true);
    expect(all4('2001:db8::1')).toBe(false);
  });

  it('holds nothing when it is empty', () => {
    expect(addressList([])('127.0.0.1')).toBe(false);
  });

  it('refuses what is no network', () => {
    expect(() => addressList(['10.0.0.0/33'])).toThrow('10.0.0.0/33');
  });
});

describe('the sender of a request', () => {
  const trusted = addressList(['10.0.0.0/8', '2001:db8:ffff::/48']);

  it('is the socket address, with IPv4 written as IPv4', () => {
    expect(clientAddress('::ffff:192.0.2.1', undefined, undefined)).toBe('192.0.2.1');
    expect(clientAddress('2001:DB8:0:0::1', undefined, undefined)).toBe('2001:db8::1');
  });

  it('is not taken from X-Forwarded-For when no proxy is trusted', () => {
    expect(clientAddress('192.0.2.1', '203.0.113.5', undefined)).toBe('192.0.2.1');
    expect(clientAddress('192.0.2.1', '203.0.113.5', trusted)).toBe('192.0.2.1');
  });

  it('is the first address from the right that no trusted proxy owns', () => {
    expect(clientAddress('10.0.0.1', '198.51.100.66, 203.0.113.5, 10.0.0.2', trusted)).toBe('203.0.113.5');
    expect(clientAddress('2001:db8:ffff::1', ['198.51.100.66', '203.0.113.5'], trusted)).toBe('203.0.113.5');
  });

  it('cannot be forged by what the sender puts in front', () => {
    expect(clientAddress('10.0.0.1', '10.0.0.9, 127.0.0.1, 203.0.113.5', trusted)).toBe('203.0.113.5');
  });

  it('is the left end when all are trusted proxies', () => {
    expect(clientAddress('10.0.0.1', '10.0.0.3, 10.0.0.2', trusted)).toBe('10.0.0.3');
  });

  it('is the last proxy known when a hop is no address', () => {
    expect(clientAddress('10.0.0.1', '203.0.113.5, unknown', trusted)).toBe('10.0.0.1');
    expect(clientAddress('10.0.0.1', '', trusted)).toBe('10.0.0.1');
  });

  it('is read with or without a port', () => {
    expect(clientAddress('10.0.0.1', '203.0.113.5:4711', trusted)).toBe('203.0.113.5');
    expect(clientAddress('10.0.0.1', '[2001:db8::9]:4711', trusted)).toBe('2001:db8::9');
    expect(clientAddress('10.0.0.1', '[2001:db8::9]', trusted)).toBe('2001:db8::9');
  });

  it.each(['[2001:db8::9', 'x[2001:db8::9]', '[2001:db8::9]x', '[]', 'x203.0.113.5:4711', '203.0.113.5:47x', ':4711'])(
    'is the last proxy known where a hop is written as %s',
    (hop) => {
      expect(clientAddress('10.0.0.1', hop, trusted)).toBe('10.0.0.1');
    },
  );

  it('is what the socket says where that is no address', () => {
    expect(clientAddress('unknown', '203.0.113.5', trusted)).toBe('unknown');
  });
});

describe('networks in the config', () => {
  class Options {
    @IsCidr({ each: true })
    allow: unknown;
  }
  const problemsOf = (allow: unknown) => validateSync(Object.assign(new Options(), { allow })).length;

  it('are addresses or networks', () => {
    expect(problemsOf(['10.0.0.0/8', '192.0.2.7', '::1', 'fe80::/10', '::/0'])).toBe(0);
  });

  it.each([
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '10.0.0.0/8x',
    '10.0.0.0/0008',
    '/8',
    '10/8',
    'example.com',
    '',
    7,
    null,
  ])('are not %j', (entry) => {
    expect(problemsOf([entry])).toBe(1);
  });

  it('are told how to be written', () => {
    const [problem] = validateSync(Object.assign(new Options(), { allow: ['here'] }));
    expect(JSON.stringify(problem?.constraints)).toContain('such as 192.0.2.7 or 10.0.0.0/8');
  });

  it('are a list of texts in the schema, or one text where there is one', () => {
    class One {
      @IsCidr()
      from: unknown;
    }
    const text = { type: 'string', description: expect.stringContaining('10.0.0.0/8') as unknown };
    expect(targetConstructorToSchema(Options).properties).toEqual({ allow: { type: 'array', items: text } });
    expect(targetConstructorToSchema(One).properties).toEqual({ from: text });
  });
});
