import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { Source } from '../../src/core/source.js';
import { AlertLogicOptions } from '../../src/sources/alertlogic/options.js';
import { alertlogic } from '../../src/sources/alertlogic/source.js';

/** A source as its block of the config opens it, written as in YAML. */
export function openAlertLogic(block: object, now: () => number = Date.now): Source {
  const options = plainToInstance(AlertLogicOptions, { auth: 'none', ...block });
  const [problem] = validateSync(options, { whitelist: true, forbidNonWhitelisted: true });
  if (problem) throw new Error(problem.toString());
  return alertlogic.open(options, { name: 'alertlogic', now });
}
