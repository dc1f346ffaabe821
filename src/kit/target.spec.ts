import { describe, expect, it } from '@jest/globals';
import 'reflect-metadata';
import { validateSync } from 'class-validator';
import { Secret } from '../core/secret.js';
import { IsOutgoingUrl, IsPorts, urlRefusal } from './target.js';

describe('a URL of the config', () => {
  it.each([
    ...['127.0.0.1', '2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::1]', '[::ffff:7f00:1]', '0', '①②⑦.⓪.⓪.①'],
    ...['10.0.0.1', '192.168.1.1', '[fd12::1]', '[64:ff9b::a9fe:a9fe]', '[2002:7f00:1::]', '100.64.0.1'],
    ...['169.254.169.254', '[fd00:ec2::254]', '[::ffff:a9fe:a9fe]', '0xa9fea9fe', '100.100.100.200'],
  ])('is refused at load where it leads to %s', (host) => {
    expect(urlRefusal(`https://${host}/hook`, {})).toMatch(/is not a public address|never called/);
  });

  it.each(['169.254.169.254', '[fd00:ec2::254]', '100.100.100.200', '0xa9fea9fe'])(
    'is refused where it leads to %s, whatever is allowed',
    (host) => {
      expect(urlRefusal(`https://${host}/`, { allowCidrs: ['0.0.0.0/0', '::/0'] })).toContain('never called');
    },
  );

  it.each(['ftp://8.8.8.8/', 'file:///etc/passwd', 'gopher://8.8.8.8/', 'data:,x', 'https://', '/hook', ''])(
    'is none where it is %j',
    (url) => {
      expect(urlRefusal(url, {})).toBe('the URL is not http or https');
    },
  );

  it.each(['https://a@8.8.8.8/', 'https://a:b@hooks.example.com/'])('holds no credentials, as %s does', (url) => {
    expect(urlRefusal(url, {})).toBe('the URL holds credentials');
  });

  it('is https, but into networks that are named', () => {
    expect(urlRefusal('http://8.8.8.8/', {})).toContain('use https');
    expect(urlRefusal('http://hooks.example.com/', {})).toContain('use https');
    expect(urlRefusal('http://10.1.2.3:8080/', { allowCidrs: ['10.0.0.0/8'] })).toBeUndefined();
    expect(urlRefusal('http://hooks.internal/', { allowCidrs: ['10.0.0.0/8'] })).toBeUndefined();
  });
});

describe('a port', () => {
  it.each([443, 8443, 8088, 9200, 9243])('may be %i', (port) => {
    expect(urlRefusal(`https://hooks.example.com:${port}/`, {})).toBeUndefined();
  });

  it('of a public address has to be named where it is not a usual one', () => {
    for (const host of ['8.8.8.8', 'hooks.example.com']) {
      expect(urlRefusal(`https://${host}:4443/`, {})).toContain('name it in allowPorts');
      expect(urlRefusal(`https://${host}:4443/`, { allowPorts: [4443] })).toBeUndefined();
    }
  });

  it('of a network that is named may be any', () => {
    expect(urlRefusal('https://10.1.2.3:4443/', { allowCidrs: ['10.0.0.0/8'] })).toBeUndefined();
    expect(urlRefusal('https://8.8.8.8:4443/', { allowCidrs: ['10.0.0.0/8'] })).toContain('name it in allowPorts');
  });

  it.each([22, 25, 6379, 11211])('of another protocol, such as %i, may not be called at all', (port) => {
    const anything = { allowCidrs: ['0.0.0.0/0'], allowPorts: [port] };
    for (const host of ['8.8.8.8', '10.1.2.3', 'hooks.example.com']) {
      expect(urlRefusal(`https://${host}:${port}/`, anything)).toContain('belongs to another protocol');
    }
  });
});

describe('the option', () => {
  class Options {
    @IsOutgoingUrl()
    url: unknown = 'https://hooks.example.com/a?b=c';
    @IsOutgoingUrl({ isBase: true })
    base: unknown = 'https://proxy.example.com/dd';
    @IsPorts()
    allowPorts: unknown = [];
    allowCidrs: readonly string[] = [];
  }
  const complaints = (options: Partial<Options>): string =>
    validateSync(Object.assign(new Options(), options))
      .flatMap(({ constraints }) => Object.values(constraints ?? {}))
      .join('\n');

  it('takes a URL as text or as a secret', () => {
    expect(complaints({})).toBe('');
    expect(complaints({ url: new Secret('https://hooks.example.com/s3cret') })).toBe('');
    expect(complaints({ url: 'https://10.1.2.3/', allowCidrs: ['10.0.0.0/8'] })).toBe('');
  });

  it.each([
    [{ url: 7 }, 'url must be a URL such as https://'],
    [{ url: 'hooks.example.com' }, 'url must be a URL such as https://'],
    [{ url: 'https://u:p@hooks.example.com/' }, 'url must be a URL such as https://'],
    [{ url: 'https://hooks.example.com/#a' }, 'url must be a URL such as https://'],
    [{ base: 'https://proxy.example.com/?a=b' }, 'base must be a base URL such as https://'],
    [{ url: 'https://127.1/' }, 'url cannot be called: 127.0.0.1 is not a public address'],
    [{ allowPorts: ['x'] }, 'allowPorts must hold ports'],
    [{ allowPorts: [70_000] }, 'allowPorts must hold ports'],
  ])('tells of %j what is wanted', (options, complaint) => {
    expect(complaints(options)).toContain(complaint);
  });

  it('tells nothing of a URL that is a secret', () => {
    const told = complaints({ url: new Secret('https://127.0.0.1/s3cret?key=s3cret') });
    expect(told).toContain('cannot be called');
    expect(told).not.toContain('s3cret');
  });

  it('leaves networks that are none to their own complaint', () => {
    expect(complaints({ allowCidrs: ['10.0.0.0/99'] })).toBe('');
  });
});
