import { defineJournal } from '../../core/journal.js';
import { PostgresOptions } from './options.js';

/**
 * Many routers on one database: rows, leases and the database's clock keep them from getting in each other's way. Most
 * routers have another journal, and need not load the driver.
 */
export const postgres = defineJournal({
  type: 'postgres',
  options: PostgresOptions,
  open: async (options, context) => {
    const { openPostgres } = await import('./journal.js');
    return openPostgres(options, context);
  },
  moveInto: async (options, context) => {
    const { openImport } = await import('./import.js');
    return openImport(options, context);
  },
});
