/** A problem in the config, with the place to mend. Lines and columns count from 1. */
export type ConfigProblem = {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** What is wrong, and what to write instead. */
  readonly message: string;
  readonly severity: 'error' | 'warning';
};

/** `file:line:column: what is wrong`, the form editors and terminals turn into a link. */
export function describeProblem(problem: ConfigProblem): string {
  const word = problem.severity === 'warning' ? 'warning: ' : '';
  return `${problem.file}:${String(problem.line)}:${String(problem.column)}: ${word}${problem.message}`;
}

/** The config cannot be used; holds every problem found, not just the first. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly ConfigProblem[]) {
    super(problems.map(describeProblem).join('\n'));
  }
}

/** The journal cannot promise to keep what it is given: answer 503, and after an I/O error stop. */
export class JournalUnavailableError extends Error {
  override readonly name = 'JournalUnavailableError';

  constructor(
    message: string,
    /** True when only a restart can help: an I/O error leaves the open file untrustworthy. */
    readonly fatal: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
