import { text } from '../../kit/read.js';

const maxLength = 100;

/** Tags in the form `name:value`, in lower case, for the values there are. */
export function tagsOf(values: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const word = text(value);
    return word === undefined ? [] : [`${name}:${shortened(word.toLowerCase().replace(/\s+/g, '_'))}`];
  });
}

/** By code points: half a surrogate pair would not be well-formed. */
function shortened(word: string): string {
  return Array.from(word.slice(0, 2 * maxLength))
    .slice(0, maxLength)
    .join('');
}
