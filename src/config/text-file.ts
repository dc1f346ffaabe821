import { readFileSync, statSync } from 'node:fs';

export type TextFile =
  | { readonly text: string; readonly isReadableByAll: boolean; readonly problem?: undefined }
  /** Goes on from the file's name: `cannot be read: there is no such file`. */
  | { readonly problem: string };

const readableByAll = 0o004;

/** Reads a whole file of UTF-8 text, if it is one and not longer than `maxBytes`. A byte order mark is dropped. */
export function readTextFile(path: string, maxBytes: number): TextFile {
  try {
    // Looked at before it is opened: opening a pipe would wait for a writer.
    const stats = statSync(path);
    if (!stats.isFile()) return { problem: 'is not a file' };
    if (stats.size > maxBytes) return { problem: `is longer than ${maxBytes} bytes` };
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
    return { text, isReadableByAll: (stats.mode & readableByAll) !== 0 };
  } catch (error) {
    return { problem: describeFailure(error) };
  }
}

function describeFailure(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'cannot be read: there is no such file';
    case 'EACCES':
      return 'cannot be read: permission denied';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'is not UTF-8 text';
    default:
      return `cannot be read${typeof code === 'string' ? `: ${code}` : ''}`;
  }
}
