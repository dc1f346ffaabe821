import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { Source } from '../../src/core/source.js';
import { datatheorem, DataTheoremOptions } from '../../src/sources/datatheorem/source.js';

/** A source as its block of the config opens it, written as in YAML. */
export function openDataTheorem(block: object, now: () => number = Date.now): Source {
  const options = plainToInstance(DataTheoremOptions, { auth: 'none', ...block });
  const [problem] = validateSync(options, { whitelist: true, forbidNonWhitelisted: true });
  if (problem) throw new Error(problem.toString());
  return datatheorem.open(options, { name: 'data-theorem', now });
}
