import { resolve } from 'node:path';
import type { ConfigDocument, Insert } from './config-document.js';
import { nearest } from './nearest.js';
import { readSecretFile } from './secret-files.js';

/** Where values come from: the environment, and the folder that relative `${file:…}` start from. */
export type FillContext = { readonly env: Readonly<Record<string, string | undefined>>; readonly folder: string };

/**
 * Fills in `${NAME}`, `${NAME:-default}` and `${file:PATH}` wherever a value (never a key) is text; `$${` stands for
 * `${`. The default also stands in for an empty variable, as in a shell. What is put in is not looked at again. Of a
 * file the last line break is dropped. Filled-in values are text; `check` reads one as a number or a boolean where the
 * option wants that and the variable is the whole value.
 */
export function fill(document: ConfigDocument, context: FillContext): void {
  for (const scalar of document.texts) {
    if (!scalar.value.includes('$')) continue;
    const inserts: Insert[] = [];
    let searched = scalar.range?.[0] ?? 0;
    const problems: string[] = [];
    const text = scalar.value.replace(reference, (written: string, body: string | undefined) => {
      if (written === '$${') return '${';
      const found = document.source.indexOf(written, searched);
      const offset = found >= 0 && found < (scalar.range?.[1] ?? 0) ? found : searched;
      searched = offset + written.length;
      const value = lookUp(body, context);
      if (value.warning !== undefined) document.warningAtOffset(offset, value.warning);
      if (value.problem !== undefined) {
        document.errorAtOffset(offset, value.problem);
        problems.push(value.problem);
        return written;
      }
      inserts.push(value.insert);
      return value.insert.text;
    });
    if (problems.length === 0) document.fill(scalar, text, inserts);
    else document.leaveUnfilled(scalar);
  }
}

const reference = /\$\$\{|\$\{(?:([^{}]*)\})?/g;
const variable = /^([A-Za-z_]\w*)(?::-([^]*))?$/;
const forms = '${NAME}, ${NAME:-default} or ${file:/path/to/secret}; $${ stands for ${ itself';

type Value =
  | { readonly insert: Insert; readonly warning?: string; readonly problem?: undefined }
  | { readonly problem: string; readonly warning?: undefined };

function lookUp(body: string | undefined, context: FillContext): Value {
  if (body?.startsWith('file:')) return readSecret(body.slice('file:'.length), context.folder);
  const [, name, fallback] = variable.exec(body ?? '') ?? [];
  if (name === undefined) return { problem: `a variable is written ${forms}` };
  const value = Object.hasOwn(context.env, name) ? context.env[name] : undefined;
  const text = fallback === undefined || value ? value : fallback;
  if (text !== undefined) return { insert: { name: `\${${name}}`, text } };
  const similar = nearest(name, Object.keys(context.env));
  return {
    problem:
      `there is no variable ${name} in the environment or .env: set it, or write a default as in \${${name}:-…}` +
      (similar === undefined ? '' : ` (there is ${similar})`),
  };
}

function readSecret(written: string, folder: string): Value {
  const file = resolve(folder, written);
  const read = readSecretFile(file);
  if (read.problem !== undefined) return { problem: `${written} ${read.problem}` };
  const insert = { name: `\${file:${written}}`, text: read.text, file };
  if (!read.isReadableByAll) return { insert };
  return { insert, warning: `every user of this machine can read ${written}: chmod 600 it, or 640 for a group` };
}
