import type { Outcome } from '../../core/sink.js';

/** What a failed write to a place means: a full or failing disk may pass; a path that leads nowhere waits for an operator. */
export function outcomeOfFailure(error: unknown, place: string): Outcome {
  const { code, message } = error as NodeJS.ErrnoException;
  // No word of the system: our own code is broken.
  if (code === undefined) throw error;
  const reason = `cannot append to ${place}: ${message}`;
  const advice = operatorAdvice[code];
  if (advice === undefined) return { kind: 'retry', cause: 'io', reason };
  return { kind: 'parked', cause: 'io', reason: `${reason}; ${advice}` };
}

/** A named pipe cannot keep anything, and writing to one that nobody reads would never end. */
export class NotAFileError extends Error {
  readonly code = 'NOT_A_FILE';

  constructor() {
    super('this is a named pipe');
  }
}

const letIn =
  'let the user that runs this process read and write the file, and its folder if the file is yet to be made';
const nameAFile = 'name a regular file, or - for the standard output';
const nameAnother = 'correct the path';

/** What to do, by the codes that time does not mend. */
const operatorAdvice: Readonly<Record<string, string>> = {
  EACCES: letIn,
  EPERM: letIn,
  EROFS: 'its file system is mounted read-only: make it writable, or choose another place',
  ENOENT: 'create the folder that the last folder of the path is to be in, or mount its disk',
  ENOTDIR: nameAnother,
  ELOOP: nameAnother,
  ENAMETOOLONG: nameAnother,
  EISDIR: nameAFile,
  ENXIO: nameAFile,
  EINVAL: nameAFile,
  NOT_A_FILE: nameAFile,
  EPIPE: 'start the router again, with something that reads it',
};
