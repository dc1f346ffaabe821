import { IsIn, Matches } from 'class-validator';
import type { Alert } from '../../core/alert.js';
import { defineSink, type Sink } from '../../core/sink.js';
import { toOcsf } from '../../kit/ocsf.js';
import { LineFile } from './line-file.js';
import { StandardOutput } from './standard-output.js';

export const formats = ['alert', 'ocsf'] as const;

/** The block of a sink of `type: file`. */
export class FileOptions {
  /** The file to append to; its folder is made where there is none. `-` is the standard output. */
  @Matches(/^[^\0]*[^/\0]$/, { message: '$property must be the path of a file, or - for the standard output' })
  path!: string;

  /** What a line holds: the alert as Signalbox has it, or the same as an OCSF finding. */
  @IsIn(formats)
  format: (typeof formats)[number] = 'alert';
}

const maxLines = 500;
const maxBytes = 5_000_000;

/** A line of JSON for each alert. Delivered means on the disk; where there is none, written. */
export const file = defineSink({ type: 'file', options: FileOptions, open: openFile });

function openFile({ path, format }: FileOptions): Sink {
  const out = path === '-' ? new StandardOutput(process.stdout) : new LineFile(path);
  let isWriting = false;
  return {
    maxBatch: maxLines,
    maxBatchBytes: maxBytes,
    concurrency: 1,
    keepsState: false,
    async deliver(batch, signal) {
      if (signal.aborted) return { kind: 'retry', cause: 'deadline', reason: 'stopped before anything was written' };
      // The caller gave that one up: whatever comes after it would pile up in memory, as late as it is.
      if (isWriting) return { kind: 'retry', cause: 'io', reason: `${path}: the write before this one still hangs` };
      isWriting = true;
      try {
        return await out.append(batch.map(({ alert }) => lineOf(alert, format)));
      } finally {
        isWriting = false;
      }
    },
    probe: () => out.isWritable(),
    close: () => out.close(),
  };
}

/** JSON has no line feed of its own but between tokens, where `stringify` puts none. */
function lineOf(alert: Alert, format: FileOptions['format']): string {
  return `${JSON.stringify(format === 'ocsf' ? toOcsf(alert) : alert)}\n`;
}
