import {
  Composer,
  isAlias,
  isCollection,
  isDocument,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  visit,
  type CST,
  type Document,
  type Node,
  type Scalar,
  type YAMLError,
} from 'yaml';
import { ConfigError, type ConfigProblem } from '../core/errors.js';
import { Secret } from '../core/secret.js';
import { describeSyntaxError, isAftermath } from './syntax-error.js';

/** Keys and list indexes from the top of the file, e.g. `['routes', '0', 'to']`. */
export type Path = readonly string[];

/** What a `${…}` put into a value: its name for messages, the text, which must not appear in any, and the file it came from. */
export type Insert = { readonly name: string; readonly text: string; readonly file?: string };

const maxDepth = 64;
const maxAliases = 100;
const shortestCredential = 3;

/**
 * A config file's YAML: what it says, where it says it, and the problems found so far. Values are addressed by path. A
 * path may go through the index of a list where YAML has just the one value, and on into what is missing: then the
 * place is that of the nearest thing there is.
 */
export class ConfigDocument {
  readonly #problems: ConfigProblem[] = [];
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #inserts = new Map<Scalar, readonly Insert[]>();
  readonly #unfilled = new Set<Scalar>();
  readonly #texts: Scalar<string>[] = [];

  constructor(
    readonly file: string,
    readonly source: string,
  ) {
    const tokens = [...new Parser(this.#lines.addNewLine).parse(source)];
    const isDeep = tokens.some((token) => isTooDeep(token));
    const composer = new Composer({ prettyErrors: false, stringKeys: true, resolveKnownTags: false });
    const [document, second] = [...composer.compose(isDeep ? [] : tokens, true, source.length)];
    if (!document) throw new Error('a composer that is forced to makes a document');
    this.#document = document;
    if (isDeep) this.#add('error', 0, `blocks and lists are nested more than ${maxDepth} deep`);
    else if (second) this.#addAt('error', second, 'a second document (---) in the file: keep one');
    else this.#checkSyntax();
  }

  /** In the order of the file. */
  get problems(): readonly ConfigProblem[] {
    return this.#problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  get errorCount(): number {
    return this.#problems.filter((problem) => problem.severity === 'error').length;
  }

  /** Throws `ConfigError` when any of the problems is an error. */
  throwIfErrors(): void {
    if (this.errorCount > 0) throw new ConfigError(this.problems);
  }

  /** A copy of the value as plain data; undefined when there is none. `without`: keys of a block to leave out. */
  value(path: Path, without: readonly string[] = []): unknown {
    const { node, missing } = this.#find(path);
    if (missing || !node) return undefined;
    if (without.length === 0 || !isMap(node)) return node.toJS(this.#document, { maxAliasCount: maxAliases });
    const keys = this.keys(path).filter((key) => !without.includes(key));
    return Object.fromEntries(keys.map((key) => [key, this.value([...path, key])]));
  }

  /** The same with nothing in it, where it is a block or a list. */
  outline(path: Path): unknown {
    if (this.isList(path)) return [];
    return this.isBlock(path) ? {} : this.value(path);
  }

  has(path: Path): boolean {
    return !this.#find(path).missing;
  }

  /** The keys of the block at a path, in the order written; empty when it is none. */
  keys(path: Path): readonly string[] {
    const { node, missing } = this.#find(path);
    return !missing && isMap(node) ? node.items.map((pair) => keyText(pair.key)) : [];
  }

  isList(path: Path): boolean {
    const { node, missing } = this.#find(path);
    return !missing && isSeq(node);
  }

  /** The paths of a list's elements, or of the one text that stands in the place of a list. */
  elements(path: Path): readonly Path[] {
    const { node, missing } = this.#find(path);
    const isText = isScalar(node) && typeof node.value === 'string';
    const count = missing ? 0 : isSeq(node) ? node.items.length : isText ? 1 : 0;
    return Array.from({ length: count }, (_, index) => [...path, String(index)]);
  }

  isBlock(path: Path): boolean {
    const { node, missing } = this.#find(path);
    return !missing && isMap(node);
  }

  /** The path for people, e.g. `routes[0].to`; without the index where YAML has just the one value. */
  describe(path: Path): string {
    return path.reduce((name, segment, index) => {
      if (!/^\d+$/.test(segment)) return name === '' ? segment : `${name}.${segment}`;
      return isSeq(this.#find(path.slice(0, index)).node) ? `${name}[${segment}]` : name;
    }, '');
  }

  /** A name for messages: as written, in quotes, or the variable it comes from. */
  quote(path: Path): string {
    const inserts = this.inserts(path);
    return inserts.length > 0 ? inserts.map(({ name }) => name).join(', ') : JSON.stringify(this.value(path));
  }

  /** An error where the value stands, or where its block is named when there is none. */
  errorAtValue(path: Path, message: string): void {
    const { node, missing } = this.#find(path);
    this.#add('error', missing ? this.#keyOffset(path) : (node?.range?.[0] ?? 0), message);
  }

  /** An error where the value's key stands, or that of the block that should hold it. */
  errorAtKey(path: Path, message: string): void {
    this.#add('error', this.#keyOffset(path), message);
  }

  warningAtKey(path: Path, message: string): void {
    this.#add('warning', this.#keyOffset(path), message);
  }

  errorAtOffset(offset: number, message: string): void {
    this.#add('error', offset, message);
  }

  warningAtOffset(offset: number, message: string): void {
    this.#add('warning', offset, message);
  }

  /** Every text in the place of a value, never a key. Each once, also where aliases repeat it. */
  get texts(): readonly Scalar<string>[] {
    return this.#texts;
  }

  /** Puts the text with its variables filled in into the place of the one written. */
  fill(scalar: Scalar<string>, text: string, inserts: readonly Insert[]): void {
    scalar.value = text;
    this.#inserts.set(scalar, inserts);
  }

  /** Marks a text whose variables could not be filled in: what its value would be is unknown. */
  leaveUnfilled(scalar: Scalar<string>): void {
    this.#unfilled.add(scalar);
  }

  /** True when what stands at the path, or a part of it, could not be filled in. */
  isUnfilled(path: Path): boolean {
    if (this.#unfilled.size === 0) return false;
    const { node, missing } = this.#find(path);
    return !missing && scalarsIn(node, this.#document).some((scalar) => this.#unfilled.has(scalar));
  }

  /** All that variables put in at a path and below it. */
  inserts(path: Path): readonly Insert[] {
    if (this.#inserts.size === 0) return [];
    const { node, missing } = this.#find(path);
    return missing ? [] : scalarsIn(node, this.#document).flatMap((scalar) => this.#inserts.get(scalar) ?? []);
  }

  /**
   * What variables put in at a path and below it, as credentials to keep out of a message. Not the shortest: those are
   * none, and would be found in every message.
   */
  credentials(path: Path): readonly Secret[] {
    const texts = this.inserts(path).map(({ text }) => text);
    return texts.filter((text) => text.length >= shortestCredential).map((text) => new Secret(text));
  }

  /**
   * Reads a value that is nothing but filled-in text as the number or boolean it spells. False, and nothing done, when
   * it spells none or was written as it is.
   */
  readFilledAsLiteral(path: Path): boolean {
    const { node, missing } = this.#find(path);
    if (missing || !isScalar(node) || typeof node.value !== 'string') return false;
    if (
      (this.#inserts.get(node) ?? []).length === 0 ||
      !/^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?|true|false)$/.test(node.value)
    ) {
      return false;
    }
    node.value = JSON.parse(node.value) as number | boolean;
    return true;
  }

  #checkSyntax(): void {
    const [first, ...rest] = [...this.#document.errors, ...this.#document.warnings];
    for (const error of first ? [first, ...rest.filter((later) => !isAftermath(later))] : []) {
      this.#add('error', this.#offsetOf(error), describeSyntaxError(error, this.source));
    }
    if (this.errorCount > 0) return;
    if (!isMap(this.#document.contents)) {
      this.#add('error', 0, 'the file must hold blocks of keys: sources, sinks, routes and so on');
      return;
    }
    const { hasAlias } = this.#checkShape();
    if (hasAlias && this.errorCount === 0) this.#checkAliases();
  }

  /** A quote that is not closed is missed at the end of the file: the place to mend is where it was opened. */
  #offsetOf(error: YAMLError): number {
    const [offset] = error.pos;
    let opened = offset;
    visit(this.#document, {
      Scalar: (_key, { range, type }) => {
        if (type?.startsWith('QUOTE') && range && range[0] < offset && range[1] >= offset) opened = range[0];
      },
    });
    return error.message.startsWith('Missing closing') ? opened : offset;
  }

  /** What YAML allows and a config cannot mean. Notes the texts on the way: a visit of all there is takes its time. */
  #checkShape(): { hasAlias: boolean } {
    let hasAlias = false;
    visit(this.#document, {
      Scalar: (key, node) => {
        if (key !== 'key' && typeof node.value === 'string') this.#texts.push(node as Scalar<string>);
      },
      Alias: (_key, alias, ancestors) => {
        hasAlias = true;
        const target = alias.resolve(this.#document);
        if (!target)
          this.#addAt('error', alias, `there is no &${alias.source} above that *${alias.source} could stand for`);
        else if (ancestors.includes(target)) this.#addAt('error', alias, 'the alias is inside what it stands for');
      },
      Pair: (_key, pair) => {
        if (!isScalar(pair.key)) {
          this.#addAt('error', pair.key, 'a key must be plain text');
          return;
        }
        const key = keyText(pair.key);
        if (key === '__proto__' || key === 'constructor') this.#addAt('error', pair.key, `"${key}" cannot be a key`);
        if (isEmpty(pair.value)) {
          this.#addAt('error', pair.key, `${quoteKey(key) ?? 'this key'} has no value: write one, or take the key out`);
        }
      },
      Seq: (_key, list) => {
        for (const item of list.items) {
          if (isEmpty(item)) this.#addAt('error', isNode(item) ? item : list, 'an element of the list is empty');
        }
      },
    });
    return { hasAlias };
  }

  #checkAliases(): void {
    try {
      this.#document.toJS({ maxAliasCount: maxAliases });
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      this.#add('error', 0, 'aliases (*name) repeat too much: write the values out');
    }
  }

  /** Follows a path as far as it goes. */
  #find(path: Path): { node: Node | undefined; key: Node | undefined; missing: boolean } {
    let node = this.#resolved(this.#document.contents);
    let key: Node | undefined;
    for (const segment of path) {
      const pair = isMap(node) ? node.items.find((item) => keyText(item.key) === segment) : undefined;
      const isIndex = pair === undefined && /^\d+$/.test(segment);
      const item = isSeq(node) && isIndex ? node.items[Number(segment)] : undefined;
      if (pair) {
        key = isNode(pair.key) ? pair.key : undefined;
        node = this.#resolved(pair.value);
      } else if (item !== undefined) {
        key = undefined;
        node = this.#resolved(item);
      } else if (isSeq(node) || !isIndex) {
        return { node, key, missing: true };
      }
    }
    return { node, key, missing: false };
  }

  #resolved(node: unknown): Node | undefined {
    if (isAlias(node)) return node.resolve(this.#document);
    return isNode(node) ? node : undefined;
  }

  #keyOffset(path: Path): number {
    const { key, node } = this.#find(path);
    return (key ?? node)?.range?.[0] ?? 0;
  }

  #addAt(severity: ConfigProblem['severity'], node: unknown, message: string): void {
    this.#add(severity, isNode(node) || isDocument(node) ? (node.range?.[0] ?? 0) : 0, message);
  }

  #add(severity: ConfigProblem['severity'], offset: number, message: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#problems.push({ file: this.file, line: Math.max(line, 1), column: Math.max(col, 1), message, severity });
  }
}

/** A key in quotes; undefined when it looks like none, for then a slip may have made a credential of it. */
export function quoteKey(key: string): string | undefined {
  return /^[\w.-]{1,64}$/.test(key) ? `"${key}"` : undefined;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : '';
}

function isEmpty(node: unknown): boolean {
  return node === null || node === undefined || (isScalar(node) && node.value === null);
}

function scalarsIn(node: Node | undefined, document: Document.Parsed): readonly Scalar[] {
  if (isScalar(node)) return [node];
  if (!isCollection(node)) return [];
  const found: Scalar[] = [];
  visit(node, {
    Scalar: (key, scalar) => {
      if (key !== 'key') found.push(scalar);
    },
    Alias: (_key, alias) => {
      found.push(...scalarsIn(alias.resolve(document), document));
    },
  });
  return found;
}

/** Composing recurses, and far enough down it ends the process: the depth is counted on tokens, and not beyond what it may be. */
function isTooDeep(token: CST.Token | null | undefined, depth = 0): boolean {
  if (!token) return false;
  if (depth > maxDepth) return true;
  if (token.type === 'document') return isTooDeep(token.value, depth + 1);
  if (!('items' in token)) return false;
  for (const { key, value } of token.items) {
    if (isTooDeep(key, depth + 1) || isTooDeep(value, depth + 1)) return true;
  }
  return false;
}
