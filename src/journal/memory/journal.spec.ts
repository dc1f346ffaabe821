import { describeJournal } from '../../../test/contract/journal.js';
import { memory } from './journal.js';

describeJournal('memory', (options, context) => memory.open(Object.assign(new memory.options(), options), context));
