import type { LoadBalancer } from '../../support/load-balancer.js';

/** How often each status was answered. */
export function statusesOf({ answers }: Pick<LoadBalancer, 'answers'>): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}

/** The longest time, in milliseconds, in which something was refused and nothing accepted. */
export function longestRefusalMs({ answers }: Pick<LoadBalancer, 'answers'>): number {
  let longest = 0;
  let accepted: number | undefined;
  let isRefusing = false;
  for (const { at, status } of answers) {
    if (status >= 300) {
      isRefusing = true;
      continue;
    }
    if (isRefusing && accepted !== undefined) longest = Math.max(longest, at - accepted);
    accepted = at;
    isRefusing = false;
  }
  return Math.round(longest);
}
