import { spawnSync } from 'node:child_process';

/** Something of the machine that a case cannot do without: undefined when it is there, else what is missing. */
export type Need = () => string | undefined;

export const root: Need = () => (process.getuid?.() === 0 ? undefined : 'needs root');

export const linux: Need = () => (process.platform === 'linux' ? undefined : 'needs Linux');

/** A command that can be run; `args` make it end at once with 0. */
export function command(name: string, args: readonly string[] = ['--version']): Need {
  return () => (spawnSync(name, args).status === 0 ? undefined : `needs the command ${name}`);
}
