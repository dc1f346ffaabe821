import Sequencer from '@jest/test-sequencer';

/** The specs that start routers or sync to a disk take the longest, and no cache of a clean clone knows. */
const isLong = (path) => /\/(test|src\/journal\/sqlite|client)\//.test(path);

/** Long specs first, so that no core is idle at the end while another still has one of them before it. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const weight = ({ path, context }) => (isLong(path) ? 1e9 : 0) + context.hasteFS.getSize(path);
    return [...tests].sort((a, b) => weight(b) - weight(a));
  }
}
