/**
 * One report of a finding, as the tests make them. Its name is made so that it survives every sink's escaping, and
 * stands in the title: whatever a sink got can be searched for it.
 */
export type Report = {
  /** `RPT{finding}N{number}` */
  readonly name: string;
  /** Letters and digits. */
  readonly finding: string;
  /** Counted from 1: of one finding, reports must arrive in this order. */
  readonly number: number;
};

let findings = 0;

/** A finding that no other test of this run has. */
export function newFinding(): string {
  findings += 1;
  return `${process.pid.toString(36)}x${findings.toString(36)}`;
}

export function reportOf(finding: string, number = 1): Report {
  return { name: `RPT${finding}N${String(number)}`, finding, number };
}

/** The reports named in a text, each once, in order of first mention. */
export function reportsIn(text: string): readonly Report[] {
  const found = new Map<string, Report>();
  for (const [name, finding = '', number] of text.matchAll(/\bRPT([0-9a-z]+)N(\d+)\b/g)) {
    if (!found.has(name)) found.set(name, { name, finding, number: Number(number) });
  }
  return [...found.values()];
}

/**
 * As Threat Stack posts it: the first report of a finding is the alert, a second one says that it was dismissed. More
 * than two would be duplicates of these.
 */
export function alertOf({ name, finding, number }: Report): Readonly<Record<string, unknown>> {
  return {
    id: finding,
    title: name,
    created_at: Date.now(),
    severity: 1,
    organization_id: 'org-1',
    server_or_region: 'web-1',
    source: 'Host',
    ...(number > 1 && { dismissed: true, dismissed_at: Date.now() }),
  };
}
