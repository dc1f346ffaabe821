/** Read in one go, more would hold up every other sender for longer than a moment. */
export const maxAlerts = 5_000;

/** Why the alerts of one body are not read at all; undefined when they are few enough. */
export function tooMany(alerts: number): string | undefined {
  return alerts > maxAlerts
    ? `too_many: ${alerts} alerts in one body, of which at most ${maxAlerts} are read`
    : undefined;
}
