/** Nothing that this router is for happened before. */
const earliest = Date.UTC(2025, 0, 1);
const latest = Date.UTC(2100, 0, 1);

/** Why a wall clock cannot be right, in words for the operator; undefined when it may be. `now` in milliseconds. */
export function clockProblem(now: number): string | undefined {
  if (now >= earliest && now < latest) return undefined;
  return (
    `The clock says ${new Date(now).toISOString()}. Until it is set right, times of alerts are wrong, signatures with a ` +
    'time in them are refused, and sinks may refuse what is sent.'
  );
}
