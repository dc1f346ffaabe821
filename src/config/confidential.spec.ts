import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../core/errors.js';
import { ConfigFolder, env } from '../../test/support/config-file.js';

let folder: ConfigFolder;
beforeAll(async () => {
  folder = await ConfigFolder.create();
});
afterAll(() => folder.remove());

/** A secret of every origin: written out, from the environment, from a default, from a file. */
const config = `admin:
  tokens: [c4nary-token, "\${KEY}"]
sources:
  gate:
    type: hook
    auth:
      - { type: bearer, secret: "\${NONE:-c4nary-default}" }
      - type: hmac
        header: X-Sign
        secret: \${file:secret}
sinks:
  mail:
    type: post
    apiKey: c4nary-literal
    tags: ["\${WORD}"]
routes:
  - { name: all, to: mail }
`;
/** Often enough to meet every word. */
const everyNth = 3;

const canaries = ['c4nary', env.KEY, env.WORD, 's3cret-from-a-file'];

/** Everything the loader says about a text, and an error's own words too. */
async function said(yaml: string): Promise<string> {
  try {
    const loaded = await folder.load(yaml);
    // What a variable put into an option that is no secret, the effective config is there to show.
    return JSON.stringify([loaded.warnings, loaded.describe()]).replaceAll(env.WORD, '');
  } catch (error) {
    return error instanceof ConfigError ? `${error.message}${JSON.stringify(error.problems)}` : String(error);
  }
}

describe('a credential', () => {
  it.each([
    ['leaving a character out', (at: number) => config.slice(0, at) + config.slice(at + 1)],
    ['a line break too many', (at: number) => `${config.slice(0, at)}\n${config.slice(at)}`],
    ['a wrong character', (at: number) => `${config.slice(0, at)}{${config.slice(at + 1)}`],
  ])('is told by no slip of the kind: %s', async (_kind, slip) => {
    for (let at = 0; at < config.length; at += everyNth) {
      const text = await said(slip(at));
      const secrets = canaries.filter((canary) => text.includes(canary));
      expect({ at, secrets, text: secrets.length > 0 ? text : '' }).toEqual({ at, secrets: [], text: '' });
    }
  });
});
