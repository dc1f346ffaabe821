import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { sampleDelivery } from '../../test/support/deliveries.js';
import { ClaimBell, type Look } from './claim-bell.js';

const delivery = sampleDelivery();
const something: Look = { deliveries: [delivery] };
const nothing: Look = { deliveries: [] };

let bell: ClaimBell;
let stop: AbortController;
/** What the looks of all waiters find, in turn; then nothing. */
let finds: Look[];
let looks: number;
let givenBack: unknown[];

beforeEach(() => {
  jest.useFakeTimers();
  bell = new ClaimBell();
  stop = new AbortController();
  [finds, looks, givenBack] = [[], 0, []];
});
afterEach(() => {
  bell.close();
  jest.useRealTimers();
});

const look = (): Promise<Look> => {
  looks += 1;
  return Promise.resolve(finds.shift() ?? nothing);
};

function loop(sink = 'pager', { signal = stop.signal, looking = look } = {}) {
  return bell.loop(
    sink,
    looking,
    (deliveries) => {
      givenBack.push(...deliveries);
      return Promise.resolve();
    },
    signal,
  );
}

/** What is yielded next: `waiting` while nothing is, until it is asked again. */
function next(claims: AsyncGenerator) {
  const state: { got: unknown } = { got: 'waiting' };
  void claims.next().then(({ done, value }) => {
    state.got = done === true ? 'the end' : value;
  });
  return async () => {
    await jest.advanceTimersByTimeAsync(0);
    return state.got;
  };
}

describe('a claim', () => {
  it('is what is found at once', async () => {
    finds = [something];
    expect(await next(loop())()).toEqual([delivery]);
    expect(looks).toBe(1);
  });

  it('waits where nothing is found, and looks again when the bell is rung', async () => {
    const got = next(loop());
    expect([await got(), looks]).toEqual(['waiting', 1]);
    bell.ring('pager');
    expect([await got(), looks]).toEqual(['waiting', 2]);
    finds = [something];
    bell.ring('pager');
    expect([await got(), looks]).toEqual([[delivery], 3]);
  });

  it('does not heed the bell of another sink', async () => {
    const got = next(loop('pager'));
    await got();
    bell.ring('lake');
    expect([await got(), looks]).toEqual(['waiting', 1]);
  });

  it('looks again at once where the bell was rung while it looked', async () => {
    const got = next(
      loop('pager', {
        looking: () => {
          if (looks === 0) bell.ring('pager');
          return look();
        },
      }),
    );
    expect([await got(), looks]).toEqual(['waiting', 2]);
  });

  it('looks again when that which it found may have come due', async () => {
    finds = [{ deliveries: [], againMs: 400 }, something];
    const got = next(loop());
    await jest.advanceTimersByTimeAsync(399);
    expect([await got(), looks]).toEqual(['waiting', 1]);
    await jest.advanceTimersByTimeAsync(1);
    expect([await got(), looks]).toEqual([[delivery], 2]);
  });

  it.each([
    ['is said', undefined],
    ['is due for days', 86_400_000],
  ])('looks again after 30 s where nothing %s', async (_, againMs) => {
    finds = [{ deliveries: [], ...(againMs !== undefined && { againMs }) }];
    const got = next(loop());
    await jest.advanceTimersByTimeAsync(29_999);
    expect([await got(), looks]).toEqual(['waiting', 1]);
    await jest.advanceTimersByTimeAsync(1);
    expect([await got(), looks]).toEqual(['waiting', 2]);
  });

  it('never spins, though something seems to be due already', async () => {
    finds = [{ deliveries: [], againMs: -5 }];
    const got = next(loop());
    await got();
    expect(looks).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(looks).toBe(2);
  });
});

describe('of those who wait for one sink', () => {
  it('one is woken at a time, and whoever finds something wakes the next', async () => {
    const [first, second] = [next(loop()), next(loop())];
    await Promise.all([first(), second()]);
    bell.ring('pager');
    await first();
    expect(looks).toBe(3);
    finds = [something, something];
    bell.ring('pager');
    expect([await first(), await second(), looks]).toEqual([[delivery], [delivery], 5]);
  });

  it('one that leaves wakes the next: it may have been the one that was woken', async () => {
    const leaving = new AbortController();
    const [first, second] = [next(loop('pager', { signal: leaving.signal })), next(loop())];
    await Promise.all([first(), second()]);
    finds = [something];
    leaving.abort();
    expect([await first(), await second()]).toEqual(['the end', [delivery]]);
  });
});

describe('the end of a claim', () => {
  it('comes when it is told to, and leaves no timer behind', async () => {
    const got = next(loop());
    await got();
    expect(jest.getTimerCount()).toBe(1);
    stop.abort();
    expect([await got(), looks, jest.getTimerCount()]).toEqual(['the end', 1, 0]);
  });

  it('comes for all when the bell is closed', async () => {
    const all = [next(loop('pager')), next(loop('pager')), next(loop('lake'))];
    await Promise.all(all.map((got) => got()));
    bell.close();
    expect(await Promise.all(all.map((got) => got()))).toEqual(['the end', 'the end', 'the end']);
    expect([await next(loop())(), looks]).toEqual(['the end', 3]);
  });

  it('comes before the first look where it was told to before', async () => {
    stop.abort();
    expect([await next(loop())(), looks]).toEqual(['the end', 0]);
  });

  it('gives back what was found too late', async () => {
    const got = next(
      loop('pager', {
        looking: () => {
          stop.abort();
          return Promise.resolve(something);
        },
      }),
    );
    expect([await got(), givenBack]).toEqual(['the end', [delivery]]);
  });

  it('gives back nothing that was taken', async () => {
    finds = [something];
    const claims = loop();
    await next(claims)();
    stop.abort();
    expect([await next(claims)(), givenBack]).toEqual(['the end', []]);
  });

  it('comes also where the look fails because of it', async () => {
    const got = next(
      loop('pager', {
        looking: () => {
          stop.abort();
          return Promise.reject(new Error('closed'));
        },
      }),
    );
    expect(await got()).toBe('the end');
  });

  it('is a failure where the look fails of itself', async () => {
    const claims = loop('pager', { looking: () => Promise.reject(new Error('the disk is full')) });
    await expect(claims.next()).rejects.toThrow('the disk is full');
  });
});
