import type { JournalPlugin } from '../core/journal.js';
import type { SinkPlugin } from '../core/sink.js';
import type { SourcePlugin } from '../core/source.js';
import { journals } from '../journal/index.js';
import { sinks } from '../sinks/index.js';
import { sources } from '../sources/index.js';

/** The types that a config can name. */
export type Plugins = {
  readonly sources: readonly SourcePlugin[];
  readonly sinks: readonly SinkPlugin[];
  readonly journals: readonly JournalPlugin[];
};

/** All that this router knows. */
export const knownPlugins: Plugins = { sources, sinks, journals };
