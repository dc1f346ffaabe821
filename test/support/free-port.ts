import { createServer } from 'node:net';

/** Below what the kernel gives to those who connect. Each of Jest's workers has a stretch of its own. */
const firstPort = 10_000;
const portsPerWorker = 2_000;
const mostWorkers = 8;

const worker = Number(process.env['JEST_WORKER_ID'] ?? 0) % mostWorkers;
let next = Math.floor(Math.random() * portsPerWorker);

/** A port on loopback that nobody listens on, and that no other worker's tests are given meanwhile. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + worker * portsPerWorker + next;
    next = (next + 1) % portsPerWorker;
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
