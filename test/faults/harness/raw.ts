import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { RouterProcess } from '../../support/router-process.js';
import { sourceToken } from './ledger-client.js';

/** A connection on which the case writes bytes of its own, and what came back on it. */
export class RawConnection {
  #received = '';
  readonly socket: Socket;
  /** Everything that came back, once the router has ended the connection. */
  readonly ended: Promise<string>;

  constructor(router: RouterProcess) {
    const { port, hostname } = new URL(router.ingest);
    this.socket = connect(Number(port), hostname);
    this.socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
    });
    // What was written after the router ended it is answered by a reset.
    this.socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.socket.once('close', () => {
        resolve(this.#received);
      });
    });
  }

  get received(): string {
    return this.#received;
  }

  /** Resolves once it is taken off our hands, or the connection is gone. */
  write(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve) => {
      if (!this.socket.writable) {
        resolve();
        return;
      }
      this.socket.once('close', resolve);
      this.socket.write(bytes, () => {
        this.socket.off('close', resolve);
        resolve();
      });
    });
  }
}

/** Writes these bytes and returns all that comes back until the router ends the connection. */
export async function exchange(router: RouterProcess, ...parts: readonly (string | Buffer)[]): Promise<string> {
  const connection = new RawConnection(router);
  for (const part of parts) await connection.write(part);
  return connection.ended;
}

/** The head of a webhook with the right token and these lines besides, the empty line included. */
export function headOf(lines: readonly string[], path = '/v1/ingest/vendor', token = sourceToken): string {
  return [`POST ${path} HTTP/1.1`, 'Host: router', `Authorization: Bearer ${token}`, ...lines, '', ''].join('\r\n');
}

export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}

/** The most memory it ever had, in bytes. Linux. */
export function peakMemory(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1_024;
}

/** The processor time it has used, in milliseconds, to the hundredth of a second. Linux. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The value that so much of the others stay below, e.g. 0.99. */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? Number.NaN;
}
