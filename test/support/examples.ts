import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** A program of a page in docs, and what the page says that it prints. */
export type Example = {
  /** The heading that it stands under. */
  readonly name: string;
  readonly code: string;
  readonly prints: string | undefined;
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** Every `ts` block of a page, with the `text` block that follows it. `page` from the repository's root. */
export function examplesIn(page: string): readonly Example[] {
  const markdown = readFileSync(join(root, page), 'utf8');
  const blocks = markdown.matchAll(/^```ts\n([\s\S]*?)^```$(?:\s*^```text\n([\s\S]*?)^```$)?/gm);
  return [...blocks].map((block) => ({
    name: [...markdown.slice(0, block.index).matchAll(/^#+ (.*)$/gm)].at(-1)?.[1] ?? page,
    code: block[1] ?? '',
    prints: block[2],
  }));
}

/**
 * Type-checks the programs and runs each in a process of its own, inside this package, so that they import it by its
 * name, as built in dist. Resolves with what each printed; rejects with what the compiler or the program complained of.
 */
export async function runExamples(
  examples: readonly Example[],
  environment: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(root, 'dist', 'examples-'));
  try {
    const files = examples.map(({ code }, index) => {
      const file = join(folder, `example-${String(index + 1)}.ts`);
      writeFileSync(file, code);
      return file;
    });
    await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...compilerOptions, ...files]).catch(
      (error: unknown) => {
        throw new Error(complaintOf(error), { cause: error });
      },
    );
    const printed: string[] = [];
    for (const file of files) {
      const env = { ...process.env, ...environment };
      const { stdout } = await run(process.execPath, ['--import', 'tsx', file], { cwd: root, env, timeout: 60_000 });
      printed.push(stdout);
    }
    return printed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const compilerOptions = [
  ...['--noEmit', '--strict', '--skipLibCheck', '--ignoreConfig'],
  ...['--target', 'es2023', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--types', 'node'],
];

/** The compiler writes to standard output. */
function complaintOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'stdout' in error ? String(error.stdout) : String(error);
}
