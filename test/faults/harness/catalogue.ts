import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { Fault } from './fault.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const specs = join(root, 'test', 'faults');

const groups: readonly (readonly [last: number, title: string])[] = [
  [17, 'Crash and process'],
  [28, 'Storage'],
  [32, 'Time'],
  [51, 'Sinks'],
  [56, 'Abuse of the ingest port'],
  [67, 'Injection and content'],
  [77, 'Authentication and the way out'],
  [93, 'Config, routing, load'],
  [100, 'PostgreSQL and several routers'],
];

const head = `# The fault suite

Each case is done to the real router, as a child process with real files and sockets, and ends in one invariant: nothing that was
answered 2xx is missing, nothing was made up, the reports of one finding came in the order they were accepted in, the router
answers, no error went unhandled, its memory stayed bounded, its own account agrees (\`test/faults/harness/invariant.ts\`).

\`npm test\` runs most of it. \`npm run test:faults\` runs what needs Linux, root or a long time; what a machine cannot do is
skipped, with the reason. This page is made of the specs by \`npm run faults\`; numbers are kept, so there are gaps.

`;

/** docs/faults.md, as the declarations in the specs have it. */
export function catalogue(): string {
  const faults = specFiles(specs).flatMap(declaredIn);
  let first = 0;
  const sections = groups.map(([last, title]) => {
    const own = faults.filter(({ number }) => number > first && number <= last);
    first = last;
    if (own.length === 0) return '';
    own.sort((a, b) => a.number - b.number);
    return `## ${title}\n\n| | Fault | Expected | Tested by |\n|---|---|---|---|\n${own.map(rowOf).join('')}\n`;
  });
  return `${head}${sections.join('')}`.trimEnd() + '\n';
}

type Declared = Fault & { readonly file: string };

function rowOf({ number, fault, expected, file }: Declared): string {
  const script = file.includes('/power/') ? 'npm run test:faults' : 'npm test';
  const cells = [String(number), fault, expected, `\`${script}\`, [${file}](../${file})`];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
}

function specFiles(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.spec.ts'))
    .sort()
    .map((file) => join(folder, file));
}

/** The first argument of each call of `fault`, in the order written. */
function declaredIn(path: string): readonly Declared[] {
  const text = readFileSync(path, 'utf8');
  const file = relative(root, path);
  const found: Declared[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === 'fault') {
      const [declaration] = node.arguments;
      if (declaration) found.push({ ...literalOf(declaration, file), file });
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return found;
}

function literalOf(node: ts.Expression, file: string): Fault {
  const fields = new Map<string, string>();
  if (ts.isObjectLiteralExpression(node)) {
    for (const property of node.properties) {
      if (!ts.isPropertyAssignment(property) || !ts.isIdentifier(property.name)) continue;
      const { initializer } = property;
      if (ts.isStringLiteralLike(initializer) || ts.isNumericLiteral(initializer))
        fields.set(property.name.text, initializer.text);
    }
  }
  const take = (name: keyof Fault): string => {
    const value = fields.get(name);
    if (value === undefined) throw new Error(`${file}: a fault without a literal ${name}: ${node.getText()}`);
    return value;
  };
  return { number: Number(take('number')), title: take('title'), fault: take('fault'), expected: take('expected') };
}
