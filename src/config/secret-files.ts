import { hash } from 'node:crypto';
import { readTextFile } from './text-file.js';

const maxBytes = 65_536;

/** A file that the config takes a value from, and the digest of what was taken. */
export type SecretFile = { readonly path: string; readonly digest: string };

export type SecretText =
  | { readonly text: string; readonly isReadableByAll: boolean; readonly problem?: undefined }
  /** Goes on from the file's name. */
  | { readonly problem: string };

/** The text of a `${file:PATH}`: all of the file but its last line break. */
export function readSecretFile(path: string): SecretText {
  const read = readTextFile(path, maxBytes);
  return read.problem === undefined ? { ...read, text: read.text.replace(/\r?\n$/, '') } : read;
}

/** Tells whether a file still holds what was taken from it. */
export function digestOf(text: string): string {
  return hash('sha256', text, 'hex');
}

/** The files that hold something else by now, with its digest. One that cannot be read just now is no change. */
export function changedFiles(files: readonly SecretFile[]): readonly SecretFile[] {
  return files.flatMap(({ path, digest }) => {
    const read = readSecretFile(path);
    if (read.problem !== undefined) return [];
    const now = digestOf(read.text);
    return now === digest ? [] : [{ path, digest: now }];
  });
}
