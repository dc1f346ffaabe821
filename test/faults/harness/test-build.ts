import { transformFileSync } from '@swc/core';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { StartOptions } from '../../support/router-process.js';

export type CrashPoint =
  'migrating' | 'parsed' | 'inserted' | 'fsynced' | 'answered' | 'claimed' | 'request_sent' | 'sink_ok';

export type SqliteFault = 'old' | 'careless' | 'lazy' | 'newer-schema';

const preloads = ['sqlite', 'crash-points', 'clock', 'bad-plugins', 'pulled-plugin'] as const;
const dist = new URL('../../../dist/main.js', import.meta.url).href;

/**
 * A test build of the router: what is shipped, with the files of `preload/` loaded before it. They wrap modules from
 * outside, so the shipped code has nothing of them. Compiles them into the folder.
 */
export class TestBuild {
  readonly #env: Readonly<Record<string, string>>;

  constructor(folder: string) {
    const target = join(folder, 'preload');
    mkdirSync(target, { recursive: true });
    const imports = preloads.map((name) => {
      const source = fileURLToPath(new URL(`./preload/${name}.ts`, import.meta.url));
      const { code } = transformFileSync(source, {
        module: { type: 'es6' },
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      });
      const file = join(target, `${name}.mjs`);
      writeFileSync(file, code);
      return `--import=${pathToFileURL(file).href}`;
    });
    // By the environment, since that is what threads take over too.
    this.#env = { NODE_OPTIONS: imports.join(' '), SIGNALBOX_TEST_DIST: dist };
  }

  /** To be killed when it comes to the point for the nth time. */
  crashAt(point: CrashPoint, nth = 1): StartOptions {
    return { env: { ...this.#env, SIGNALBOX_CRASH_AT: `${point}:${String(nth)}` } };
  }

  /**
   * With a wall clock that is wrong by the milliseconds in the file, which may change while it runs; and, for timers of a
   * minute and more, with minutes of `minuteMs`.
   */
  withClock(file: string, minuteMs = 60_000): StartOptions {
    return { env: { ...this.#env, SIGNALBOX_CLOCK: file, SIGNALBOX_MINUTE_MS: String(minuteMs) } };
  }

  /** With plugins of `type: bad`, whose names say what is wrong with them: see `preload/bad-plugins.ts`. */
  withBadPlugins(): StartOptions {
    return { env: { ...this.#env, SIGNALBOX_BAD_PLUGINS: 'yes' } };
  }

  /** With a source of `type: pulled` that asks a `FakeApi`: see `preload/pulled-plugin.ts`. `as`: and as told. */
  withPulledPlugin(as: StartOptions = {}): StartOptions {
    return { ...as, env: { ...this.#env, SIGNALBOX_PULLED_PLUGIN: 'yes', ...as.env } };
  }

  /** With a library that is not as it should be: see `preload/sqlite.ts`. `crashAt`: and to be killed there. */
  withSqlite(fault: SqliteFault, crashAt?: CrashPoint): StartOptions {
    const crash = crashAt === undefined ? {} : { SIGNALBOX_CRASH_AT: crashAt };
    return { env: { ...this.#env, SIGNALBOX_SQLITE: fault, ...crash } };
  }
}
