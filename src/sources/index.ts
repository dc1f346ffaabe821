import { alertlogic } from './alertlogic/source.js';
import { datatheorem } from './datatheorem/source.js';
import { threatstack } from './threatstack/source.js';

/** Every source this router knows. Adding one is its folder and one line here. */
export const sources = [alertlogic, datatheorem, threatstack] as const;
