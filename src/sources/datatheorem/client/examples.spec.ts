import { describe, expect, it } from '@jest/globals';
import { startDataTheoremApi } from '../../../../test/support/datatheorem-api.js';
import { northwind } from '../../../../test/support/datatheorem-records.js';
import { examplesIn, runExamples } from '../../../../test/support/examples.js';

describe('the programs of the page on the client', () => {
  it('compile, run, and print what the page says', async () => {
    const server = await startDataTheoremApi({ apiKey: 'results-key-1', pageSize: 2 });
    server.have(northwind);
    const environment = { DATATHEOREM_API_KEY: 'results-key-1', DATATHEOREM_URL: server.baseUrl };
    const examples = examplesIn('docs/datatheorem-client.md');
    expect(examples).toHaveLength(4);
    expect(await runExamples(examples, environment)).toEqual(examples.map(({ prints }) => prints));
    await server.close();
  }, 120_000);
});
