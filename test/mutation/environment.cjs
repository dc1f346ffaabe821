const { TestEnvironment } = require('jest-environment-node');

/** Leaves out the rest of a spec file once a test of it has failed: the mutant is noticed, and each further test may hang. */
module.exports = class extends TestEnvironment {
  #hasFailed = false;

  handleTestEvent(event) {
    if (event.name === 'test_done' && event.test.errors.length > 0) this.#hasFailed = true;
    if (event.name === 'test_start' && this.#hasFailed) event.test.mode = 'skip';
  }
};
