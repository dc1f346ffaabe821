import { writeFileSync } from 'node:fs';
import { catalogue } from './catalogue.js';

writeFileSync(new URL('../../../docs/faults.md', import.meta.url), catalogue());
