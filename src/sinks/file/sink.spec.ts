import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describeSink } from '../../../test/contract/sink.js';
import { alertArbitrary, sampleAlert } from '../../../test/support/alerts.js';
import { sampleDelivery } from '../../../test/support/deliveries.js';
import type { Alert } from '../../core/alert.js';
import type { Outcome, Sink } from '../../core/sink.js';
import { fromOcsf } from '../../kit/ocsf.js';
import type { OcsfFinding } from '../../kit/ocsf/finding.js';
import { file, FileOptions, formats } from './sink.js';

for (const format of formats) {
  describeSink({
    plugin: file,
    folder: new URL('./', import.meta.url),
    variant: format,
    options: (place) => ({ path: join(place.folder, 'alerts.ndjson'), format }),
  });
}

let folder: string;
let path: string;
let sinks: Sink[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'signalbox-file-'));
  path = join(folder, 'alerts.ndjson');
  sinks = [];
});

afterEach(async () => {
  jest.restoreAllMocks();
  for (const sink of sinks) await sink.close?.();
  rmSync(folder, { recursive: true });
});

describe('an alert delivered to a file', () => {
  it('is a line of JSON, for the owner alone to read', async () => {
    const alert = sampleAlert({ title: 'First line\nsecond line' });
    expect(await deliver(openSink(), alert)).toEqual({ kind: 'delivered' });
    expect(readFileSync(path, 'utf8')).toBe(`${JSON.stringify(alert)}\n`);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('stands behind what is there, in the order of the batch', async () => {
    const alerts = ['one', 'two', 'three'].map((title) => sampleAlert({ title }));
    await deliver(openSink(), ...alerts.slice(0, 1));
    await deliver(openSink(), ...alerts.slice(1));
    expect(linesOf(path)).toEqual(alerts);
  });

  it('is an OCSF finding if asked, which is the same alert', async () => {
    const alert = sampleAlert();
    await deliver(openSink({ format: 'ocsf' }), alert);
    const [finding] = linesOf(path) as [OcsfFinding];
    expect(finding.metadata.uid).toBe(alert.id);
    expect(fromOcsf(finding)).toEqual(alert);
  });

  it('is whole and on one line, whatever it says', async () => {
    const sink = openSink();
    await fc.assert(
      fc.asyncProperty(fc.array(alertArbitrary, { minLength: 1, maxLength: 5 }), async (alerts) => {
        const before = linesOf(path).length;
        await deliver(sink, ...alerts);
        expect(linesOf(path).slice(before)).toEqual(alerts);
      }),
      { numRuns: 30 },
    );
  });

  it('makes the last folder of the path, for the owner alone', async () => {
    path = join(folder, 'archive', 'alerts.ndjson');
    expect(await deliver(openSink())).toEqual({ kind: 'delivered' });
    expect(statSync(join(folder, 'archive')).mode & 0o777).toBe(0o700);
  });

  it('is not delivered before it is synced, and then not by the same open file', async () => {
    const sink = openSink();
    await deliver(sink);
    const sync = jest.spyOn(await fileHandles(), 'datasync').mockRejectedValueOnce(systemError('EIO'));
    expect(await deliver(sink)).toMatchObject({ kind: 'retry', cause: 'io' });
    expect(await deliver(sink)).toEqual({ kind: 'delivered' });
    expect(sync).toHaveBeenCalledTimes(2);
    expect(sync.mock.contexts[0]).not.toBe(sync.mock.contexts[1]);
  });

  it('is not written once the call was told to stop', async () => {
    const outcome = await openSink().deliver([sampleDelivery()], AbortSignal.abort());
    expect(outcome).toMatchObject({ kind: 'retry', cause: 'deadline' });
    expect(linesOf(path)).toEqual([]);
  });
});

describe('two sinks of one file', () => {
  it('do not cut each other short', async () => {
    const both = [openSink(), openSink()];
    const batch = Array.from({ length: 300 }, () => sampleAlert({ description: 'x'.repeat(5_000) }));
    await Promise.all(both.map((sink) => deliver(sink, ...batch)));
    expect(linesOf(path)).toHaveLength(600);
  });
});

describe('a file that is rotated', () => {
  it.each([
    [
      'renamed',
      () => {
        renameSync(path, `${path}.1`);
      },
    ],
    [
      'removed',
      () => {
        rmSync(path);
      },
    ],
    [
      'replaced',
      () => {
        renameSync(path, `${path}.1`);
        writeFileSync(path, '');
      },
    ],
    [
      'cut to nothing',
      () => {
        writeFileSync(path, '');
      },
    ],
  ])('that is, %s, gets the next alert under its name', async (_, rotate) => {
    const sink = openSink();
    await deliver(sink, sampleAlert({ title: 'before' }));
    rotate();
    await deliver(sink, sampleAlert({ title: 'after' }));
    expect(linesOf(path)).toEqual([sampleAlert({ title: 'after' })]);
  });
});

describe('half a line', () => {
  it('that a crash left behind is ended, and spoils no other', async () => {
    writeFileSync(path, '{"whole":true}\n{"half":');
    await deliver(openSink());
    expect(readFileSync(path, 'utf8')).toBe(`{"whole":true}\n{"half":\n${JSON.stringify(sampleAlert())}\n`);
  });

  it('that a full disk left behind is ended when there is room again', async () => {
    const sink = openSink();
    await deliver(sink);
    const write = jest.spyOn(await fileHandles(), 'write');
    write.mockImplementationOnce(() => {
      appendFileSync(path, '{"schema":"signalb');
      return Promise.reject(systemError('ENOSPC'));
    });
    expect(await deliver(sink)).toMatchObject({ kind: 'retry', cause: 'io' });
    expect(await deliver(sink)).toEqual({ kind: 'delivered' });
    const line = JSON.stringify(sampleAlert());
    expect(readFileSync(path, 'utf8')).toBe(`${line}\n{"schema":"signalb\n${line}\n`);
  });

  it('of a write that the system took in parts is none', async () => {
    const write = jest.spyOn(await fileHandles(), 'write') as unknown as jest.SpiedFunction<WriteBytes>;
    write.mockImplementationOnce((bytes) => {
      appendFileSync(path, bytes.subarray(0, 100));
      return Promise.resolve({ bytesWritten: 100 });
    });
    expect(await deliver(openSink())).toEqual({ kind: 'delivered' });
    expect(write).toHaveBeenCalledTimes(2);
    expect(linesOf(path)).toEqual([sampleAlert()]);
  });
});

describe('a file that cannot be written', () => {
  it('because the disk is full is tried again', async () => {
    symlinkSync('/dev/full', path);
    const sink = openSink();
    expect(await deliver(sink)).toEqual({
      kind: 'retry',
      cause: 'io',
      reason: `cannot append to ${path}: ENOSPC: no space left on device, write`,
    });
    rmSync(path);
    expect(await deliver(sink)).toEqual({ kind: 'delivered' });
  });

  it.each([
    [
      'it is a folder',
      'EISDIR',
      'name a regular file',
      () => {
        mkdirSync(path);
      },
    ],
    [
      'its folder is a file',
      'ENOTDIR',
      'correct the path',
      () => {
        spoilPath('file', 'alerts.ndjson');
      },
    ],
    [
      'two folders of the path are missing',
      'ENOENT',
      'create the folder',
      () => {
        spoilPath('a', 'b', 'alerts.ndjson');
      },
    ],
    ['it is a named pipe', 'a named pipe', 'name a regular file', () => execFileSync('mkfifo', [path])],
    [
      'it is a link to itself',
      'ELOOP',
      'correct the path',
      () => {
        symlinkSync(path, path);
      },
    ],
    [
      'it keeps nothing',
      'EINVAL',
      'name a regular file',
      () => {
        symlinkSync('/dev/null', path);
      },
    ],
  ])('because %s waits for an operator, who is told what to do', async (_, what, advice, spoil) => {
    spoil();
    const outcome = await deliver(openSink());
    expect(outcome).toMatchObject({ kind: 'parked', cause: 'io' });
    expect(outcome).toHaveProperty('reason', expect.stringContaining(`cannot append to ${path}: `));
    expect(outcome).toHaveProperty('reason', expect.stringContaining(what));
    expect(outcome).toHaveProperty('reason', expect.stringContaining(advice));
  });

  it.each(['EACCES', 'EPERM', 'EROFS'])('because of %s waits for an operator', async (code) => {
    jest.spyOn(await fileHandles(), 'write').mockRejectedValueOnce(systemError(code));
    expect(await deliver(openSink())).toMatchObject({ kind: 'parked', cause: 'io' });
  });

  it.each(['EDQUOT', 'EIO', 'EMFILE', 'ESTALE'])('because of %s is tried again', async (code) => {
    jest.spyOn(await fileHandles(), 'write').mockRejectedValueOnce(systemError(code));
    expect(await deliver(openSink())).toMatchObject({ kind: 'retry', cause: 'io' });
  });

  it('says so when probed, until it can', async () => {
    mkdirSync(path);
    const sink = openSink();
    expect(await probe(sink)).toBe(false);
    rmSync(path, { recursive: true });
    expect(await probe(sink)).toBe(true);
    expect(await deliver(sink)).toEqual({ kind: 'delivered' });
  });

  it('because the write before still hangs is tried again, and nothing piles up', async () => {
    let fail: (error: Error) => void = () => undefined;
    const hanging = new Promise<void>((_, reject) => (fail = reject));
    jest.spyOn(await fileHandles(), 'datasync').mockReturnValueOnce(hanging);
    const sink = openSink();
    const first = deliver(sink);
    expect(await deliver(sink)).toMatchObject({ kind: 'retry', cause: 'io' });
    fail(systemError('EIO'));
    expect(await first).toMatchObject({ kind: 'retry' });
    expect(await deliver(sink)).toEqual({ kind: 'delivered' });
  });
});

describe('closing', () => {
  it('may happen twice, and before anything was written', async () => {
    const sink = openSink();
    await sink.close?.();
    await deliver(sink);
    await sink.close?.();
    await sink.close?.();
    expect(linesOf(path)).toHaveLength(1);
  });
});

describe('the options', () => {
  it.each([[{ path: 'data/alerts.ndjson' }], [{ path: '-', format: 'ocsf' }]])('take %o', (block) => {
    expect(problemsOf(block)).toEqual([]);
  });

  it.each([
    [{}, 'path'],
    [{ path: '' }, 'path'],
    [{ path: 'data/' }, 'path'],
    [{ path: 7 }, 'path'],
    [{ path: 'a\0b' }, 'path'],
    [{ path: '-', format: 'csv' }, 'format'],
  ])('refuse %o', (block, property) => {
    expect(problemsOf(block)).toEqual([property]);
  });
});

function openSink(block: { path?: string; format?: string } = {}): Sink {
  const sink = file.open(plainToInstance(FileOptions, { path, ...block }), { name: 'archive', now: Date.now });
  sinks.push(sink);
  return sink;
}

function deliver(sink: Sink, ...alerts: readonly Alert[]): Promise<Outcome | readonly Outcome[]> {
  const batch = (alerts.length > 0 ? alerts : [sampleAlert()]).map((alert) => sampleDelivery({ alert }));
  return sink.deliver(batch, new AbortController().signal);
}

function probe(sink: Sink): Promise<boolean> | undefined {
  return sink.probe?.(new AbortController().signal);
}

function spoilPath(...names: readonly string[]): void {
  writeFileSync(join(folder, 'file'), 'not a folder');
  path = join(folder, ...names);
}

function linesOf(of: string): readonly unknown[] {
  const lines = readFileSync(of, { encoding: 'utf8', flag: 'a+' }).split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line): unknown => JSON.parse(line));
}

/** What every open file inherits: for the failures that no healthy disk has. */
async function fileHandles(): Promise<FileHandle> {
  const handle = await open(folder);
  await handle.close();
  return Object.getPrototypeOf(handle) as FileHandle;
}

type WriteBytes = (bytes: Buffer) => Promise<{ bytesWritten: number }>;

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as the system has it`), { code });
}

function problemsOf(block: object): readonly string[] {
  return validateSync(plainToInstance(FileOptions, block)).map(({ property }) => property);
}
