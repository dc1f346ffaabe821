import { describeAmendments } from '../../../test/contract/amendments.js';
import { describeJournal, type OpenJournal } from '../../../test/contract/journal.js';
import { describeParts } from '../../../test/contract/parts.js';
import { describePulls } from '../../../test/contract/pulls.js';
import { memory } from './journal.js';

const open: OpenJournal = (options, context) => memory.open(Object.assign(new memory.options(), options), context);

describeJournal('memory', open);
describePulls('memory', open);
describeParts('memory', open);
describeAmendments('memory', open);
