import { describe, expect, it } from '@jest/globals';
import type { LookupAddress } from 'node:dns';
import { EgressRefused, openEgress, type Egress } from './egress.js';

const lookUp = (egress: Egress, hostname: string): Promise<readonly LookupAddress[]> =>
  new Promise((resolve, reject) => {
    egress.lookup(hostname, { all: true }, (error, addresses) => {
      if (error) reject(error);
      else resolve(addresses as LookupAddress[]);
    });
  });

describe('what may be called', () => {
  const nothingNamed = openEgress();

  it.each(['8.8.8.8', '2606:4700:4700::1111', '::ffff:8.8.8.8'])('is the public address %s', (address) => {
    expect(nothingNamed.refusalOf(address)).toBeUndefined();
  });

  it.each([
    ...['127.0.0.1', '::1', '10.1.2.3', '172.16.0.1', '192.168.1.1', 'fd12::1', '100.64.0.1', '0.0.0.0', '::'],
    ...['::ffff:127.0.0.1', '::127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', '198.18.0.1', '240.0.0.1'],
    ...['224.0.0.1', 'ff02::1', '255.255.255.255', '192.0.2.1', '2001:db8::1', '192.88.99.1', 'fec0::1', '100::1'],
    ...['5f00::1', '4000::1', 'localhost', ''],
  ])('is not %s', (address) => {
    expect(nothingNamed.refusalOf(address)).toBeDefined();
  });

  it('is what the operator names', () => {
    const egress = openEgress({ allowCidrs: ['127.0.0.0/8', 'fd12::/16', '10.1.0.0/16', '198.18.0.1'] });
    for (const address of ['127.0.0.1', '::ffff:127.9.9.9', 'fd12::1', '10.1.255.255', '198.18.0.1']) {
      expect(egress.refusalOf(address)).toBeUndefined();
      expect(egress.isNamed(address)).toBe(true);
    }
    expect(egress.refusalOf('10.2.0.1')).toBe(
      '10.2.0.1 is not a public address; to allow it, name its network in allowCidrs',
    );
  });

  it.each(['169.254.169.254', 'fe80::1', 'fd00:ec2::254', '100.100.100.200', '168.63.129.16', '192.0.0.192'])(
    'is never %s, where clouds keep their credentials',
    (address) => {
      expect(openEgress({ allowCidrs: ['0.0.0.0/0', '::/0'] }).refusalOf(address)).toContain('never called');
    },
  );

  it.each(['0.0.0.0', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::', '224.0.0.1'])(
    'is never %s, which stands for another address',
    (address) => {
      expect(openEgress({ allowCidrs: ['0.0.0.0/0', '::/0'] }).refusalOf(address)).toBeDefined();
    },
  );
});

describe('a name', () => {
  const resolving = (...addresses: string[]) =>
    openEgress({
      resolve: () => Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))),
    });

  it('gives the addresses that were checked', async () => {
    expect(await lookUp(resolving('8.8.8.8', '2606::1'), 'api.example.com')).toEqual([
      { address: '8.8.8.8', family: 4 },
      { address: '2606::1', family: 6 },
    ]);
  });

  it('is refused where one of its addresses is', async () => {
    await expect(lookUp(resolving('8.8.8.8', '127.0.0.1'), 'rebind.example.com')).rejects.toThrow(
      'rebind.example.com: 127.0.0.1 is not a public address',
    );
  });

  it('gives the first of them where one is asked for', async () => {
    const one = await new Promise((resolve, reject) => {
      resolving('8.8.8.8', '2606::1').lookup('api.example.com', {}, (error, address, family) => {
        if (error) reject(error);
        else resolve([address, family]);
      });
    });
    expect(one).toEqual(['8.8.8.8', 4]);
  });

  it('that is refused is told from one that cannot be found by the class of the error', async () => {
    await expect(lookUp(resolving('127.0.0.1'), 'rebind.example.com')).rejects.toBeInstanceOf(EgressRefused);
    await expect(lookUp(resolving('127.0.0.1'), 'rebind.example.com')).rejects.toHaveProperty('name', 'EgressRefused');
  });

  it('without an address is told by its name', async () => {
    await expect(lookUp(resolving(), 'empty.example.com')).rejects.toThrow('no address for empty.example.com');
  });

  it('without an address is unknown', async () => {
    await expect(lookUp(resolving(), 'empty.example.com')).rejects.toMatchObject({ code: 'ENOTFOUND' });
  });

  it('is looked up once for all connections that open at the same time', async () => {
    let queries = 0;
    const egress = openEgress({
      resolve: () => {
        queries += 1;
        return Promise.resolve([{ address: '8.8.8.8', family: 4 }]);
      },
    });
    await Promise.all([
      lookUp(egress, 'a.example.com'),
      lookUp(egress, 'a.example.com'),
      lookUp(egress, 'b.example.com'),
    ]);
    expect(queries).toBe(2);
    await lookUp(egress, 'a.example.com');
    expect(queries).toBe(3);
  });
});
