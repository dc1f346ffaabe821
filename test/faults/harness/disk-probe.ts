import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { StartOptions } from '../../support/router-process.js';
import { command, linux, type Need } from './needs.js';

/** The compiler is the one that better-sqlite3 is compiled with. */
export const diskProbeNeeds: readonly Need[] = [linux, command('g++')];

/** What a router did, in order. */
export type DiskEvent = 'written' | 'synced' | 'failed' | 'answered';

/**
 * Watches from below, between the router and the kernel, what happens to a journal's WAL and when a 202 goes out; can
 * make a sync fail or take long.
 */
export class DiskProbe {
  readonly #library: string;
  readonly #log: string;

  /** Compiles it into the folder. */
  constructor(folder: string) {
    this.#library = join(folder, 'disk-probe.so');
    this.#log = join(folder, 'disk-probe.log');
    const source = fileURLToPath(new URL('./disk-probe.cc', import.meta.url));
    execFileSync('g++', ['-shared', '-fPIC', '-O1', '-o', this.#library, source, '-ldl']);
  }

  /** To start a router with. `failSync`: the sync of the WAL that fails, from 1. `slowSyncMs`: added to each. */
  start(faults: { readonly failSync?: number; readonly slowSyncMs?: number } = {}): StartOptions {
    const { failSync, slowSyncMs } = faults;
    return {
      env: {
        LD_PRELOAD: this.#library,
        DISK_PROBE_LOG: this.#log,
        ...(failSync !== undefined && { DISK_PROBE_FAIL_SYNC: String(failSync) }),
        ...(slowSyncMs !== undefined && { DISK_PROBE_SLOW_SYNC: String(slowSyncMs) }),
      },
    };
  }

  events(): readonly DiskEvent[] {
    if (!existsSync(this.#log)) return [];
    return readFileSync(this.#log, 'utf8').trim().split('\n') as DiskEvent[];
  }
}
