import { describe, expect, it } from '@jest/globals';
import { examplesIn, runExamples } from '../../../../test/support/examples.js';
import { startThreatStackApi } from '../../../../test/support/threatstack-api.js';
import { bakeryV1, bakeryV2 } from '../../../../test/support/threatstack-records.js';

describe('the programs of the page on the client', () => {
  it('compile, run, and print what the page says', async () => {
    const apiKey = 'ts-key-1';
    const [v1, v2] = await Promise.all([startThreatStackApi({ apiKey }), startThreatStackApi({ apiKey })]);
    v1.have(bakeryV1);
    v2.have(bakeryV2);
    const environment = {
      THREATSTACK_API_KEY: apiKey,
      THREATSTACK_ORG_ID: 'org-1',
      THREATSTACK_USER_ID: 'user-1',
      THREATSTACK_URL: v1.baseUrls[1],
      THREATSTACK_URL_V2: v2.baseUrls[2],
    };
    const examples = examplesIn('docs/threatstack-client.md');
    expect(examples).toHaveLength(8);
    expect(await runExamples(examples, environment)).toEqual(examples.map(({ prints }) => prints));
    expect(v2.dismissals).toHaveLength(1);
    await Promise.all([v1.close(), v2.close()]);
  }, 240_000);
});
