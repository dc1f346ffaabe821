import { describe, expect, it } from '@jest/globals';
import { ConfigError, describeProblem, JournalUnavailableError, type ConfigProblem } from './errors.js';

const problem: ConfigProblem = {
  file: 'router.yaml',
  line: 7,
  column: 3,
  message: 'sinks.pager has no type',
  severity: 'error',
};

describe('a problem in the config', () => {
  it('is told with the place to mend in front', () => {
    expect(describeProblem(problem)).toBe('router.yaml:7:3: sinks.pager has no type');
  });

  it('that hinders nothing is called a warning', () => {
    expect(describeProblem({ ...problem, severity: 'warning' })).toBe(
      'router.yaml:7:3: warning: sinks.pager has no type',
    );
  });
});

describe('a config that cannot be used', () => {
  it('tells every problem, each on a line of its own', () => {
    const error = new ConfigError([problem, { ...problem, line: 9, message: 'no route names this sink' }]);
    expect(error.message).toBe('router.yaml:7:3: sinks.pager has no type\nrouter.yaml:9:3: no route names this sink');
    expect(error.problems).toHaveLength(2);
    expect(String(error)).toMatch(/^ConfigError: /);
  });
});

describe('a journal that cannot be written', () => {
  it('says whether only a restart can help, and what was the cause', () => {
    const cause = new Error('EIO');
    const error = new JournalUnavailableError('the disk failed', true, { cause });
    expect(String(error)).toBe('JournalUnavailableError: the disk failed');
    expect(error).toMatchObject({ fatal: true, cause });
    expect(new JournalUnavailableError('the disk is full', false).fatal).toBe(false);
  });
});
