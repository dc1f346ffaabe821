import { describe, expect, it } from '@jest/globals';
import { startAlertLogicApi } from '../../../../test/support/alertlogic-api.js';
import { attempts, incident, uploadId } from '../../../../test/support/alertlogic-records.js';
import { examplesIn, runExamples } from '../../../../test/support/examples.js';

describe('the programs of the page on the client', () => {
  it('compile, run, and print what the page says', async () => {
    const server = await startAlertLogicApi();
    server.have([incident()]);
    server.haveEvidence(uploadId, { event: attempts });
    server.haveLegacy([{ incident_id: 4420, summary: 'Scan of the import page' }]);
    const environment = {
      ALERTLOGIC_ACCESS_KEY_ID: 'a1b2c3d4e5f60718',
      ALERTLOGIC_SECRET_KEY: 'secret-key-1',
      ALERTLOGIC_LEGACY_KEY: 'legacy-key-1',
      ALERTLOGIC_URL: server.url,
    };
    const examples = examplesIn('docs/alertlogic-client.md');
    expect(examples).toHaveLength(5);
    expect(await runExamples(examples, environment)).toEqual(examples.map(({ prints }) => prints));
    await server.close();
  }, 120_000);
});
