import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { sampleAlert } from '../../../test/support/alerts.js';
import { sampleDelivery } from '../../../test/support/deliveries.js';
import { file } from './sink.js';
import { StandardOutput } from './standard-output.js';

/** What reads the other end of the pipe, as a shell or a container's log driver does. */
let reader: ChildProcessByStdio<Writable, Readable, null>;

beforeEach(() => {
  reader = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] });
});

afterEach(async () => {
  reader.stdin.destroy();
  reader.stdout.destroy();
  reader.kill('SIGKILL');
  if (reader.exitCode === null && reader.signalCode === null) await once(reader, 'exit');
});

describe('the standard output', () => {
  it('gets the lines in their order', async () => {
    const lines = Array.from(
      { length: 500 },
      (_, index) => `${JSON.stringify({ index, filler: 'x'.repeat(3_000) })}\n`,
    );
    const said = text(reader.stdout);
    const out = new StandardOutput(reader.stdin);
    expect(await out.append(lines)).toEqual({ kind: 'delivered' });
    reader.stdin.end();
    expect(await said).toBe(lines.join(''));
  });

  it('has not delivered what its reader has yet to take', async () => {
    reader.kill('SIGSTOP');
    const out = new StandardOutput(reader.stdin);
    let isDelivered = false;
    const appended = out.append([`${'x'.repeat(1_000_000)}\n`]).then(() => (isDelivered = true));
    await new Promise(setImmediate);
    expect(isDelivered).toBe(false);
    reader.stdout.resume();
    reader.kill('SIGCONT');
    expect(await appended).toBe(true);
  });

  it('whose reader went away waits for an operator, and the process lives on', async () => {
    const deaf = spawn('sh', ['-c', 'exec 0<&-; echo closed; exec sleep 60'], { stdio: ['pipe', 'pipe', 'inherit'] });
    try {
      await once(deaf.stdout, 'data');
      const out = new StandardOutput(deaf.stdin);
      expect(await out.isWritable()).toBe(true);
      expect(await out.append(['{}\n'])).toEqual({
        kind: 'parked',
        cause: 'io',
        reason:
          'cannot append to the standard output: write EPIPE; start the router again, with something that reads it',
      });
      expect(await out.isWritable()).toBe(false);
    } finally {
      deaf.kill('SIGKILL');
    }
  });

  it('that goes to a full disk is tried again', async () => {
    const full = createWriteStream('/dev/full');
    const out = new StandardOutput(full);
    expect(await out.append(['{}\n'])).toMatchObject({ kind: 'retry', cause: 'io' });
    expect(await out.isWritable()).toBe(true);
  });

  it('stays open when the sink is closed, which may happen twice', async () => {
    const out = new StandardOutput(reader.stdin);
    await out.close();
    await out.close();
    expect(reader.stdin.writable).toBe(true);
  });

  it('is where a sink with the path - writes', async () => {
    const said: unknown[] = [];
    const write = jest.spyOn(process.stdout, 'write').mockImplementation(((line: string, written: () => void) => {
      said.push(line);
      written();
      return true;
    }) as typeof process.stdout.write);
    const sink = file.open({ path: '-', format: 'alert' }, { name: 'console', now: Date.now });
    const outcome = await sink.deliver([sampleDelivery()], new AbortController().signal);
    write.mockRestore();
    await sink.close?.();
    expect(outcome).toEqual({ kind: 'delivered' });
    expect(said).toEqual([`${JSON.stringify(sampleAlert())}\n`]);
  });
});
