import { spawn, type ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from './free-port.js';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** How one start differs from the usual one. */
export type StartOptions = {
  /** In addition to the environment it was prepared with. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command that runs the command line after it in its own place, keeping its process id, as `prlimit` does. */
  readonly wrap?: readonly string[];
};

/** One of `admin.tokens`; of a text alone, an admin's. */
export type AdminToken =
  string | { readonly name: string; readonly role: 'viewer' | 'operator' | 'admin'; readonly token: string };

/** The built router as a child process, as the README starts it: to be posted to, killed and started again. */
export class RouterProcess {
  /** Everything it wrote so far, both streams, all starts. */
  output = '';
  #child: ChildProcess | undefined;
  #exit: Promise<number | NodeJS.Signals> | undefined;

  private constructor(
    readonly configFile: string,
    readonly ingest: string,
    readonly admin: string,
    private readonly env: Readonly<Record<string, string>>,
    private readonly firstToken: AdminToken | undefined,
  ) {}

  /** The headers with which the first of its admin tokens asks, where it has any. */
  get authorization(): Readonly<Record<string, string>> {
    const { firstToken: first } = this;
    if (first === undefined) return {};
    return { authorization: `Bearer ${typeof first === 'string' ? first : first.token}` };
  }

  /**
   * Writes the config, with `ingest` and `admin` on free ports in front, into the folder. Does not start it. `ingest`:
   * further settings of that block.
   */
  static async prepare(
    folder: string,
    config: string,
    options: {
      readonly env?: Readonly<Record<string, string>>;
      readonly adminTokens?: readonly AdminToken[];
      readonly ingest?: Readonly<Record<string, unknown>>;
    } = {},
  ): Promise<RouterProcess> {
    const [port, adminPort] = [await freePort(), await freePort()];
    const file = join(folder, 'signalbox.yaml');
    const tokens = options.adminTokens
      ? `, tokens: [${options.adminTokens.map((token) => JSON.stringify(token)).join(', ')}]`
      : '';
    const head = [
      `ingest: ${JSON.stringify({ host: '127.0.0.1', port, ...options.ingest })}`,
      `admin: { host: 127.0.0.1, port: ${adminPort}${tokens} }`,
    ];
    writeFileSync(file, `${head.join('\n')}\n${config}`);
    const urls = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${adminPort}`] as const;
    return new RouterProcess(file, ...urls, options.env ?? {}, options.adminTokens?.[0]);
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('the router is not running');
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts it and resolves once it is ready. */
  async start(options: StartOptions = {}): Promise<void> {
    this.launch(options);
    for (let waited = 0; waited < 15_000; waited += 25) {
      if (!this.isRunning) throw new Error(`the router ended with ${await this.exited()}:\n${this.output}`);
      const answer = await fetch(`${this.ingest}/readyz`).catch(() => undefined);
      if (answer?.ok) return;
      await sleep(25);
    }
    throw new Error(`the router did not become ready:\n${this.output}`);
  }

  /** Starts it without waiting for anything. */
  launch({ env, wrap }: StartOptions = {}): void {
    const [command, ...args] = [...(wrap ?? []), process.execPath, main, 'serve', '-c', this.configFile];
    const child = spawn(command, args, {
      env: { PATH: process.env['PATH'], ...this.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#exit = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        resolve(signal ?? code ?? -1);
      });
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.output += chunk.toString('utf8');
      });
    }
  }

  /** Sends a signal to it, by its id. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** The exit code, or the signal that ended it. */
  async exited(): Promise<number | NodeJS.Signals> {
    return (await this.#exit) ?? 0;
  }

  /** Sends a signal and waits for the end; harmless when it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> {
    this.signal(signal);
    return this.exited();
  }
}
