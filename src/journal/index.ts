import { memory } from './memory/journal.js';

/** Every journal this router knows. Adding one is its folder and one line here. */
export const journals = [memory] as const;
