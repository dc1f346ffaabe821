import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { Source } from '../../src/core/source.js';
import { threatstack, ThreatStackOptions } from '../../src/sources/threatstack/source.js';

/** A source as its block of the config opens it, written as in YAML. */
export function openThreatStack(block: object, now: () => number = Date.now): Source {
  const options = plainToInstance(ThreatStackOptions, { auth: 'none', ...block });
  const [problem] = validateSync(options, { whitelist: true, forbidNonWhitelisted: true });
  if (problem) throw new Error(problem.toString(false, false, '', true));
  return threatstack.open(options, { name: 'threat-stack', now });
}
