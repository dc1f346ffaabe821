import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { acceptedRequest } from '../../../test/support/accepted-request.js';
import type { AcceptedRequest } from '../../core/journal.js';
import type { StoreOptions } from './store.js';
import { WriterThread } from './thread.js';

/** A writer whose disk hangs until `free` is there; then it answers as if everything had been kept. */
const writer = (free: string): string => `
  import { existsSync } from 'node:fs';
  import { parentPort, workerData } from 'node:worker_threads';
  const held = [];
  const answer = ({ calls, fields, bytes }) => {
    const results = Array.from({ length: calls }, () => ({ duplicates: [] }));
    workerData.appends.postMessage({ calls: results, buffers: { fields, bytes }, newSources: undefined });
  };
  workerData.appends.on('message', (pack) => {
    if (existsSync(${JSON.stringify(free)})) answer(pack);
    else held.push(pack);
  });
  const timer = setInterval(() => {
    if (existsSync(${JSON.stringify(free)})) for (const pack of held.splice(0)) answer(pack);
  }, 10);
  parentPort.once('message', () => {
    clearInterval(timer);
    workerData.appends.close();
    workerData.calls.close();
  });
  parentPort.postMessage({
    ok: true, missing: [], isMarkDamaged: false, pending: new SharedArrayBuffer(65_536), sources: [],
  });
`;

let folder: string;
let free: string;
let thread: WriterThread;
let keptLate: AcceptedRequest[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-thread-'));
  free = join(folder, 'free');
  keptLate = [];
  const worker = join(folder, 'writer.mjs');
  writeFileSync(worker, writer(free));
  const events = {
    onFatal: () => undefined,
    onGap: () => undefined,
    onKeptLate: (requests: readonly AcceptedRequest[]) => {
      keptLate.push(...requests);
    },
  };
  thread = await WriterThread.start({} as StoreOptions, pathToFileURL(worker), 0, events, 300);
});

afterEach(async () => {
  await thread.close();
  rmSync(folder, { recursive: true });
});

const request = () => acceptedRequest({ receivedAt: Date.now() }, {});

describe('a disk that hangs', () => {
  it('makes nobody wait for ever, lets nothing gather behind it, and is written to again once it answers', async () => {
    const first = [request(), request()];
    const outcomes = await Promise.allSettled(first.map((each) => thread.append([each])));
    expect(outcomes).toEqual(
      first.map(() => ({
        status: 'rejected',
        reason: expect.objectContaining({ message: 'The disk has not answered for 0.3 s.', fatal: false }),
      })),
    );
    await expect(thread.append([request()])).rejects.toThrow('has not answered');

    writeFileSync(free, '');
    const later = request();
    for (let waited = 0; waited < 10_000; waited += 20) {
      const receipts = await thread.append([later]).catch(() => undefined);
      if (receipts) break;
      await sleep(20);
    }
    await expect(thread.append([request()])).resolves.toHaveLength(1);
    expect(keptLate.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
  });
});
