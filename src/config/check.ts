import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { validateSync, ValidationTypes, type ValidationError } from 'class-validator';
import type { OptionsClass } from '../core/source.js';
import { redactor } from '../kit/redact.js';
import { quoteKey, type ConfigDocument, type Path } from './config-document.js';
import { instead } from './nearest.js';
import { brokenRules, hint, joinWords, keysOf, singleBlocksOf, wordsForMissing, type BrokenRule } from './rules.js';

/**
 * Holds the block at a path against its class, and reports each problem where it stands. `handled` are keys of the
 * block that are dealt with elsewhere, such as the `type` of a plugin; of `outlined`, only what is inside is. An absent
 * block counts as an empty one. The result may be used when the document has no error.
 */
export function check<Options extends object>(
  document: ConfigDocument,
  path: Path,
  type: OptionsClass<Options>,
  handled: readonly string[] = [],
  outlined: readonly string[] = [],
): Options {
  const elsewhere = { handled, outlined };
  let { options, findings } = examine(document, path, type, elsewhere);
  // What came out of a variable is text. Where text will not do, it may spell the number or the boolean that will.
  const reread = findings.map((finding) => document.readFilledAsLiteral(finding.path));
  if (reread.includes(true)) ({ options, findings } = examine(document, path, type, elsewhere));
  for (const finding of findings) report(document, finding, type, handled);
  return options;
}

/** Something a class does not take: a key it has not, a value missing, or a value that breaks rules. */
type Finding =
  | { readonly kind: 'unknown'; readonly path: Path; readonly owner: NewableFunction }
  | {
      readonly kind: 'missing' | 'wrong';
      readonly path: Path;
      readonly value: unknown;
      readonly rules: readonly BrokenRule[];
    };

function examine<Options extends object>(
  document: ConfigDocument,
  path: Path,
  type: OptionsClass<Options>,
  { handled, outlined }: { handled: readonly string[]; outlined: readonly string[] },
): { options: Options; findings: readonly Finding[] } {
  const outlines = outlined.map((key) => [key, document.outline([...path, key])] as const);
  const inFull = document.value(path, [...handled, ...outlined]) ?? {};
  const own: object = { ...inFull, ...Object.fromEntries(outlines.filter(([, value]) => value !== undefined)) };
  const options = plainToInstance(type, own);
  const errors = validateSync(options, { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: false });
  const findings = [
    ...errors
      .filter(({ property }) => !handled.includes(property))
      .flatMap((error) => findingsOf(document, error, path)),
    ...listsForBlocks(options, path),
  ];
  return { options, findings: findings.filter((finding) => !document.isUnfilled(finding.path)) };
}

function findingsOf(document: ConfigDocument, error: ValidationError, parent: Path): readonly Finding[] {
  const path = [...parent, error.property];
  const inside = error.children?.flatMap((child) => findingsOf(document, child, path)) ?? [];
  if (!error.constraints) return inside;
  if (ValidationTypes.WHITELIST in error.constraints) {
    return document.has(path) ? [{ kind: 'unknown', path, owner: (error.target ?? {}).constructor }] : [];
  }
  const value: unknown = error.value;
  const rules = brokenRules(error);
  if (!document.has(path)) return [{ kind: 'missing', path, value, rules }, ...inside];
  const elements: readonly unknown[] = Array.isArray(value) ? value : [];
  const forElements = elements.flatMap((element, index): Finding[] => {
    const broken = rules.filter(({ holdsFor }) => holdsFor?.(element) === false);
    return broken.length === 0
      ? []
      : [{ kind: 'wrong', path: [...path, String(index)], value: element, rules: broken }];
  });
  const forAll = Array.isArray(value) ? rules.filter((rule) => !rule.holdsFor) : rules;
  return [
    ...(forAll.length > 0 ? [{ kind: 'wrong' as const, path, value, rules: forAll }] : []),
    ...forElements,
    ...inside,
  ];
}

const notAList: BrokenRule = { words: 'must be one block of keys, not a list', isOwn: true };

/** class-validator takes a list of blocks where one block is wanted, and checks them all. */
function listsForBlocks(owner: object, path: Path): readonly Finding[] {
  const single = singleBlocksOf(owner.constructor);
  return Object.entries(owner).flatMap(([key, value]: [string, unknown]): readonly Finding[] => {
    if (typeof value !== 'object' || value === null) return [];
    const at = [...path, key];
    return Array.isArray(value) && single.has(key)
      ? [{ kind: 'wrong', path: at, value, rules: [notAList] }]
      : listsForBlocks(value, at);
  });
}

const maxMessageBytes = 2_000;

function report(document: ConfigDocument, finding: Finding, type: NewableFunction, handled: readonly string[]): void {
  const { path } = finding;
  if (finding.kind === 'unknown') {
    const key = path.at(-1) ?? '';
    const quoted = quoteKey(key);
    const own = finding.owner === type ? handled : [];
    const choice = instead(key, [...new Set([...own, ...keysOf(finding.owner)])]);
    document.errorAtKey(path, `unknown key${quoted === undefined ? '' : ` ${quoted}`}${choice}`);
    return;
  }
  const name = document.describe(path);
  if (finding.kind === 'missing') {
    document.errorAtKey(path, `${name} is missing: it ${wordsForMissing(finding.rules)}`);
    return;
  }
  const words = joinWords(finding.rules);
  const goesOn = /^(?:must|may|should|has|needs|cannot)\b/.test(words);
  const message = `${name}${goesOn ? '' : ':'} ${words}${hint(finding.rules, finding.value)}`;
  const inserts = document.inserts(path);
  const origin = inserts.length > 0 ? ` (it comes from ${inserts.map((insert) => insert.name).join(', ')})` : '';
  document.errorAtValue(path, redactor(document.credentials(path))(message, maxMessageBytes) + origin);
}
