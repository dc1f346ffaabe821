import { setTimeout as sleep } from 'node:timers/promises';
import type { Scene } from './scene.js';

/**
 * The most deliveries to one sink of 16 lanes that can be taken by it and not be settled when the router dies: the
 * dispatcher claims at most eight for each lane before it looks again.
 */
export const mostInFlight = 16 * 8;

const shortestLifeMs = 300;
const longestLifeMs = 2_000;

/**
 * Kills the running router again and again, 0.3 to 2 s after it is ready each time, while the client posts; leaves it
 * running. Resolves once everything that was posted was taken: how often it was killed, and how long the longest start
 * took.
 */
export async function killAtRandom(
  scene: Scene,
  { forMs, findingsPerSecond }: { readonly forMs: number; readonly findingsPerSecond: number },
): Promise<{ readonly kills: number; readonly slowestStartMs: number }> {
  const { router, client } = scene;
  const load = new AbortController();
  const loading = client.load(findingsPerSecond, load.signal);
  let kills = 0;
  let slowestStartMs = 0;
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    await sleep(shortestLifeMs + Math.random() * (longestLifeMs - shortestLifeMs));
    await router.stop('SIGKILL');
    kills += 1;
    const startedAt = performance.now();
    await router.start();
    slowestStartMs = Math.max(slowestStartMs, performance.now() - startedAt);
  }
  load.abort();
  await loading;
  return { kills, slowestStartMs };
}
