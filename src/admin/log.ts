import type { LoggerService } from '@nestjs/common';
import { pino, type DestinationStream } from 'pino';
import { printableJson } from '../kit/printable.js';

/** One JSON line per event on stdout. The type and the injection token in one; a pino logger is one. */
export abstract class Log {
  abstract debug(fields: object, message: string): void;
  abstract info(fields: object, message: string): void;
  abstract warn(fields: object, message: string): void;
  abstract error(fields: object, message: string): void;
  abstract isLevelEnabled(level: string): boolean;
}

/** Lines carry texts of vendors and strangers: whatever could steer a terminal is escaped as JSON allows. */
export function createLog(level: string, destination: DestinationStream = pino.destination({ sync: true })): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: printableJson },
  };
  return pino(options, destination);
}

/** Nest's own messages as lines of our log; what it tells of its start is for debugging. */
export class NestLog implements LoggerService {
  constructor(private readonly target: Log) {}

  log(message: unknown, ...more: unknown[]): void {
    this.target.debug(fieldsOf(more), String(message));
  }

  warn(message: unknown, ...more: unknown[]): void {
    this.target.warn(fieldsOf(more), String(message));
  }

  error(message: unknown, ...more: unknown[]): void {
    this.target.error(fieldsOf(more), String(message));
  }
}

/** Nest appends the context, and before it the stack of an error. */
function fieldsOf(more: readonly unknown[]): object {
  const [context, stack] = more.toReversed();
  return { ...(context !== undefined && { context }), ...(stack !== undefined && { stack }) };
}
