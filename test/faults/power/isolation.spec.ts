import { describe, expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { fault } from '../harness/fault.js';
import { hook } from '../harness/hook.js';
import { percentile } from '../harness/raw.js';
import { newFinding, reportOf } from '../harness/report.js';

const rounds = 8;
const postsARound = 60;

describe('sinks', () => {
  fault(
    {
      number: 47,
      title: 'one dead sink among twenty: how long the others take',
      fault: 'of twenty sinks one takes every request and answers none, in every second of eight rounds of one run',
      expected:
        'the 99th percentile from the answer to the arrival at the nineteen others is the same within 20 % (and 5 ms) with it and without it; both are printed',
    },
    async (scene) => {
      const dead = await scene.sink({ name: 'dead', kind: hook });
      const healthy = await Promise.all(
        Array.from({ length: 19 }, (_, index) => scene.sink({ name: `sink-${String(index)}`, kind: hook })),
      );
      await scene.start();
      const acceptedAt = new Map<string, number>();
      const namesByRound: string[][] = [];
      for (let round = -1; round < rounds; round += 1) {
        dead.server.always(round % 2 === 0 ? undefined : { kind: 'hang' });
        const names: string[] = [];
        for (let i = 0; i < postsARound; i += 1) {
          const report = reportOf(newFinding());
          acceptedAt.set(report.name, Date.now());
          await scene.client.insist([report]);
          names.push(report.name);
          await sleep(20);
        }
        await scene.until(() => healthy.every((sink) => sink.received().length === acceptedAt.size), 60_000);
        // The first one is for warming up.
        if (round >= 0) namesByRound.push(names);
      }
      const arrivals = new Map<string, number[]>();
      for (const sink of healthy) {
        for (const { name, at } of sink.received()) {
          arrivals.set(name, [...(arrivals.get(name) ?? []), at - (acceptedAt.get(name) ?? 0)]);
        }
      }
      const p99 = (isDead: boolean): number =>
        percentile(
          namesByRound
            .filter((_, round) => (round % 2 === 1) === isDead)
            .flat()
            .flatMap((name) => arrivals.get(name) ?? []),
          0.99,
        );
      const [without, having] = [p99(false), p99(true)];
      console.info(`19 sinks, p99 without a dead one ${String(without)} ms, with one ${String(having)} ms`);
      expect(having).toBeLessThan(without * 1.2 + 5);
      dead.server.always();
    },
    { timeoutMs: 600_000, invariant: { idleWithinMs: 120_000 } },
  );
});
