import { plainToInstance } from 'class-transformer';
import { validateSync } from 'class-validator';
import type { Delivery } from '../../../src/core/journal.js';
import type { Outcome, Sink, SinkPlugin } from '../../../src/core/sink.js';
import { sinks } from '../../../src/sinks/index.js';
import { sampleDelivery } from '../../support/deliveries.js';
import type { Scene } from './scene.js';

/** A sink without a router before it, for cases about what one call does. Loopback is allowed. */
export class LoneSink {
  private constructor(private readonly sink: Sink) {}

  static open(scene: Scene, type: string, block: object): LoneSink {
    const plugin = (sinks as readonly SinkPlugin[]).find((candidate) => candidate.type === type);
    if (!plugin) throw new Error(`there is no sink of type ${type}`);
    const options = plainToInstance(plugin.options, { allowCidrs: ['127.0.0.0/8'], ...block });
    const problems = validateSync(options, { whitelist: true, forbidNonWhitelisted: true });
    if (problems.length > 0) throw new Error(problems.map(String).join());
    const sink = plugin.open(options, { name: 'lone', now: Date.now });
    scene.finally(() => sink.close?.());
    return new LoneSink(sink);
  }

  /** What became of each. */
  async deliver(...batch: readonly Delivery[]): Promise<readonly Outcome[]> {
    const deliveries = batch.length > 0 ? batch : [sampleDelivery()];
    const outcome = await this.sink.deliver(deliveries, new AbortController().signal);
    return 'kind' in outcome ? deliveries.map(() => outcome) : outcome;
  }
}
