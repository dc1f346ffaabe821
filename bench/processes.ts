import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../test/support/free-port.js';
import type { LoadJob, LoadResult } from './report.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const clockTicksPerSecond = 100;

export const benchToken = 'bench-token-0123456789abcdef';

/** A TypeScript file of this folder, run as a process of its own. */
export function forkTool(file: string, argument?: object): ChildProcess {
  return fork(join(root, 'bench', file), argument ? [JSON.stringify(argument)] : [], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

/** The next message of a forked process. */
export async function messageFrom<T>(child: ChildProcess): Promise<T> {
  const arrived = new AbortController();
  const ended = once(child, 'exit', arrived).then(([code]: unknown[]) => {
    throw new Error(`a bench process ended early, with ${String(code)}`);
  });
  try {
    const [message] = (await Promise.race([once(child, 'message', arrived), ended])) as [T];
    return message;
  } finally {
    ended.catch(() => undefined);
    arrived.abort();
  }
}

export async function runLoad(job: LoadJob): Promise<LoadResult> {
  return messageFrom<LoadResult>(forkTool('load.ts', job));
}

/** Ends a process by its id and waits until it is gone. */
export async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await gone;
}

export type RouterOptions = {
  readonly journal: 'sqlite' | 'memory' | { readonly postgres: string };
  /** Where the sink posts; a closed port keeps everything in the backlog. */
  readonly datadogPort: number;
  readonly intake: 'events' | 'logs';
  /** A folder to go on with; absent: a new one, removed with the router. */
  readonly folder?: string;
};

/** The real router, as the README starts it. */
export class RouterProcess {
  private constructor(
    readonly port: number,
    readonly folder: string,
    private readonly child: ChildProcess,
    private readonly keepsFolder: boolean,
  ) {}

  static async start(options: RouterOptions): Promise<RouterProcess> {
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
    const [port, adminPort] = [await freePort(), await freePort()];
    const config = join(folder, 'bench.yaml');
    writeFileSync(config, routerConfig(options, folder, port, adminPort));
    const child = spawn(process.execPath, [join(root, 'dist/main.js'), 'serve', '-c', config], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    await untilReady(`http://127.0.0.1:${port}/readyz`, child);
    return new RouterProcess(port, folder, child, options.folder !== undefined);
  }

  /** CPU seconds used so far, all threads (Linux). */
  cpuSeconds(): number {
    return cpuSecondsOf(this.child.pid ?? 0);
  }

  /** Megabytes in memory now (Linux). */
  residentMb(): number {
    const status = readFileSync(`/proc/${String(this.child.pid)}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
  }

  async stop(): Promise<void> {
    await end(this.child);
    if (!this.keepsFolder) rmSync(this.folder, { recursive: true, force: true });
  }
}

function routerConfig(options: RouterOptions, folder: string, port: number, adminPort: number): string {
  return `
logLevel: error
ingest: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: ${adminPort} }
delivery: { shutdownGrace: 1s }
journal: ${journalConfig(options.journal, folder)}
sources:
  threat-stack: { type: threatstack, auth: { type: bearer, secret: ${benchToken} } }
sinks:
  datadog:
    type: datadog
    intake: ${options.intake}
    apiKey: bench
    endpoint: http://127.0.0.1:${options.datadogPort}
    allowCidrs: [127.0.0.0/8]
routes:
  - { name: everything, to: datadog }
`;
}

function journalConfig(journal: RouterOptions['journal'], folder: string): string {
  if (journal === 'memory') return '{ type: memory }';
  if (journal === 'sqlite') return `{ type: sqlite, path: ${join(folder, 'journal.db')} }`;
  return `{ type: postgres, ssl: false, url: "${journal.postgres}" }`;
}

/** CPU seconds of a process so far, all threads (Linux); `withChildren`: and of those it started, ended ones too. */
export function cpuSecondsOf(pid: number, withChildren = false): number {
  const { own, ended } = statOf(pid);
  if (!withChildren) return own;
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== pid)
    .map((name) => statOf(Number(name)))
    .filter(({ parent }) => parent === pid);
  return own + ended + children.reduce((sum, child) => sum + child.own, 0);
}

/** Its parent, and the CPU seconds of its own and of children that ended; of a process that is gone, none. */
function statOf(pid: number): { readonly parent: number; readonly own: number; readonly ended: number } {
  try {
    const [, parent, ...rest] =
      readFileSync(`/proc/${String(pid)}/stat`, 'utf8')
        .split(') ')[1]
        ?.split(' ') ?? [];
    const [user = 0, system = 0, endedUser = 0, endedSystem = 0] = rest.slice(9, 13).map(Number);
    return {
      parent: Number(parent),
      own: (user + system) / clockTicksPerSecond,
      ended: (endedUser + endedSystem) / clockTicksPerSecond,
    };
  } catch {
    return { parent: 0, own: 0, ended: 0 };
  }
}

async function untilReady(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the router ended at once, with ${child.exitCode}`);
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(50);
  }
  throw new Error('the router did not become ready in 10 s');
}
