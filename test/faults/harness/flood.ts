import { connect } from 'node:net';
import { sourceToken } from './ledger-client.js';
import { alertOf, newFinding, reportOf } from './report.js';
import type { Scene } from './scene.js';

/** What a flood was answered: how many 202, how long each of these took in milliseconds, and what else. */
export type Flooded = { readonly times: readonly number[]; readonly others: readonly string[] };

/**
 * Posts one report again and again on so many connections, on each without a pause, until it is stopped. As little work
 * for this process as can be: it is the router that is to be flooded.
 */
export function startFlood(scene: Scene, connections: number): { stop(): Promise<Flooded> } {
  const { hostname, port, host } = new URL(scene.router.ingest);
  // The same one: the sink need not keep up with the flood.
  const report = reportOf(newFinding());
  scene.client.noteSent([report]);
  const body = JSON.stringify({ alerts: [alertOf(report)] });
  const head = [
    'POST /v1/ingest/vendor HTTP/1.1',
    `Host: ${host}`,
    `Authorization: Bearer ${sourceToken}`,
    `Content-Length: ${String(Buffer.byteLength(body))}`,
  ];
  const request = `${head.join('\r\n')}\r\n\r\n${body}`;
  const times: number[] = [];
  const others: string[] = [];
  let isStopped = false;
  const ended = Array.from({ length: connections }, () => {
    const socket = connect(Number(port), hostname);
    let from = performance.now();
    const send = (): void => {
      from = performance.now();
      socket.write(request);
    };
    socket.once('connect', send);
    socket.on('data', (chunk: Buffer) => {
      const text = chunk.toString('latin1');
      // The rest of an answer that came in two.
      if (!text.startsWith('HTTP/1.1 ')) return;
      if (text.startsWith('HTTP/1.1 202')) times.push(performance.now() - from);
      else others.push(text);
      if (isStopped || others.length > 0) socket.end();
      else send();
    });
    socket.on('error', (error) => others.push(error.message));
    return new Promise((resolve) => socket.once('close', resolve));
  });
  return {
    async stop() {
      isStopped = true;
      await Promise.all(ended);
      return { times, others };
    },
  };
}
