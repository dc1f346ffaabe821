/**
 * The load, in a process of its own: raw sockets and requests built beforehand, so that it takes as little as possible
 * of the two cores it shares with the server. Started by `fork` with its job as the only argument; sends its result.
 */
import { connect, type Socket } from 'node:net';
import { argv } from 'node:process';
import type { LoadJob, LoadResult } from './report.js';

const idDigits = 24;
const headersEnd = Buffer.from('\r\n\r\n');
const lengthHeader = /content-length: (\d+)/i;

/** One connection: a request of its own with room for new ids, and the answer that is awaited. */
class Connection {
  readonly #request: Buffer;
  readonly #idOffsets: readonly number[];
  readonly #socket: Socket;
  #pending: Buffer | undefined;
  #answered: ((status: number) => void) | undefined;

  constructor(job: LoadJob, onReady: () => void) {
    const { request, offsets } = buildRequest(job);
    this.#request = request;
    this.#idOffsets = offsets;
    this.#socket = connect({ host: '127.0.0.1', port: job.port, noDelay: true }, onReady);
    this.#socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    this.#socket.on('error', (error) => {
      if (!this.#answered) throw error;
      this.#answered(0);
    });
  }

  /** Sends the next request; `answered` is told the status, 0 for a broken connection. */
  send(nextId: () => string, answered: (status: number) => void): void {
    for (const offset of this.#idOffsets) this.#request.write(nextId(), offset, idDigits, 'latin1');
    this.#answered = answered;
    this.#socket.write(this.#request);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    const received = this.#pending ? Buffer.concat([this.#pending, chunk]) : chunk;
    const end = received.indexOf(headersEnd);
    const length = end < 0 ? Number.NaN : Number(lengthHeader.exec(received.toString('latin1', 0, end))?.[1]);
    if (!(received.length >= end + headersEnd.length + length)) {
      this.#pending = received;
      return;
    }
    this.#pending = undefined;
    this.#answered?.(Number(received.toString('latin1', 9, 12)));
  }
}

function buildRequest(job: LoadJob): { request: Buffer; offsets: readonly number[] } {
  const placeholder = '#'.repeat(idDigits);
  const alert = {
    id: placeholder,
    title: `Netcat listener started by deploy on web-17.prod.example.net, ref ${placeholder}`,
    created_at: Date.now(),
    severity: 1,
    organization_id: '60bc4a59a086e11959000002',
    server_or_region: 'web-17.prod.example.net',
    source: 'Host',
    agent_id: '71eafd46e5777f3a26000008',
    rule_id: '725740a144414e7d1c00000b',
    alert_policy_id: '734c4b9aa086e1195900000c',
    count: 6,
    key: '725740a144414e7d1c00000b-71eafd46e5777f3a26000008-aebc6afbb8a542a00de8fb45ccd5694a',
    last_updated_at: '2026-11-20T14:39:18.682Z',
    type: 'rule',
    notes: 'x'.repeat(job.padding),
  };
  const body = JSON.stringify({ alerts: Array.from({ length: job.alertsPerBody }, () => alert) });
  const head = [
    `POST ${job.path} HTTP/1.1`,
    'host: 127.0.0.1',
    'content-type: application/json',
    `authorization: Bearer ${job.token}`,
    `content-length: ${Buffer.byteLength(body)}`,
    '',
    '',
  ].join('\r\n');
  const request = Buffer.from(head + body);
  const offsets: number[] = [];
  for (let at = request.indexOf(placeholder); at >= 0; at = request.indexOf(placeholder, at + 1)) {
    offsets.push(at);
    at += idDigits;
  }
  return { request, offsets };
}

/** Ids that never repeat, in this process or another: the microsecond of sending, the process, a counter; hexadecimal. */
function idSource(): () => string {
  const process4 = (process.pid % 65_536).toString(16).padStart(4, '0');
  let count = 0;
  return () => sendTimeDigits() + process4 + (count++ % 0xf_ffff_ff).toString(16).padStart(7, '0');
}

/** 13 hexadecimal digits: what received-to-delivered times are counted from. */
function sendTimeDigits(): string {
  return Math.round((performance.timeOrigin + performance.now()) * 1_000).toString(16);
}

/** As fast as the answers come, on every connection, until the time is up or `requests` were sent. */
function closedLoop(job: LoadJob, connections: readonly Connection[]): Promise<LoadResult> {
  const nextId = idSource();
  const tally = new Tally();
  const started = performance.now();
  let running = connections.length;
  let left = job.requests ?? Number.POSITIVE_INFINITY;
  return new Promise((resolve) => {
    for (const connection of connections) {
      const next = (): void => {
        const now = performance.now();
        if (now - started >= job.seconds * 1_000 || left <= 0) {
          running -= 1;
          if (running === 0) resolve(tally.result(performance.now() - started));
          return;
        }
        left -= 1;
        connection.send(nextId, (status) => {
          tally.count(status, performance.now() - now);
          next();
        });
      };
      next();
    }
  });
}

/**
 * At a fixed rate, whatever the answers do: a request that finds no idle connection counts from when it was due. What
 * this process's own timer is late by, a millisecond and more, is no part of the server's answer.
 */
function openLoop(job: LoadJob, rate: number, connections: readonly Connection[]): Promise<LoadResult> {
  const nextId = idSource();
  const tally = new Tally();
  const idle = [...connections];
  const started = performance.now();
  const total = Math.floor(rate * job.seconds);
  let due = 0;
  let done = 0;
  return new Promise((resolve) => {
    let lastTick = started;
    const tick = (): void => {
      const now = performance.now();
      while (due < total && (due * 1_000) / rate <= now - started) {
        // The one that has rested longest: a server closes those that rest for some seconds.
        const connection = idle.shift();
        if (!connection) break;
        const scheduledAt = started + (due * 1_000) / rate;
        const dueAt = scheduledAt > lastTick ? now : scheduledAt;
        due += 1;
        connection.send(nextId, (status) => {
          tally.count(status, performance.now() - dueAt);
          idle.push(connection);
          done += 1;
          if (done === total) resolve(tally.result(performance.now() - started));
        });
      }
      lastTick = now;
      if (done < total) setTimeout(tick, 1);
    };
    tick();
  });
}

class Tally {
  #ok = 0;
  #failed = 0;
  readonly #times: number[] = [];

  count(status: number, ms: number): void {
    if (status === 202) this.#ok += 1;
    else this.#failed += 1;
    this.#times.push(ms);
  }

  result(elapsedMs: number): LoadResult {
    this.#times.sort((a, b) => a - b);
    const at = (share: number): number => this.#times[Math.floor(this.#times.length * share)] ?? 0;
    return {
      perSecond: (this.#ok * 1_000) / elapsedMs,
      answered: this.#ok,
      failed: this.#failed,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
    };
  }
}

const job = JSON.parse(argv[2] ?? '{}') as LoadJob;
const connections: Connection[] = [];
await new Promise<void>((resolve) => {
  let ready = 0;
  for (let i = 0; i < job.connections; i += 1) {
    connections.push(
      new Connection(job, () => {
        ready += 1;
        if (ready === job.connections) resolve();
      }),
    );
  }
});
const result = await (job.rate === undefined ? closedLoop(job, connections) : openLoop(job, job.rate, connections));
for (const connection of connections) connection.close();
process.send?.(result, () => {
  process.exit(0);
});
