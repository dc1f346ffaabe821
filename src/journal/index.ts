import { memory } from './memory/journal.js';
import { postgres } from './postgres/plugin.js';
import { sqlite } from './sqlite/journal.js';

/** Every journal this router knows. Adding one is its folder and one line here. */
export const journals = [sqlite, postgres, memory] as const;
