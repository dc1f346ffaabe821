import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Instance } from '../core/instance.js';
import { Journal } from '../core/journal.js';

export type InstanceView = {
  readonly name: string;
  readonly version: string;
  /** Ended: in good order. Silent: not heard of for a minute, so killed or cut off from the database. */
  readonly state: 'running' | 'ended' | 'silent';
  /** The one that answers. */
  readonly self: boolean;
  readonly started: string;
  readonly lastSeen: string;
  /** Deliveries that it has out now. */
  readonly claims: number;
};

/** A router gives a sign of life every ten seconds. */
const silentAfterMs = 60_000;

@ApiTags('health')
@Controller('api/v1/instances')
export class InstancesController {
  constructor(private readonly journal: Journal) {}

  @Get()
  @ApiOperation({
    summary: 'The routers that had this journal within a week, and their last sign of life; the last seen first.',
  })
  async list(): Promise<{ readonly items: readonly InstanceView[] }> {
    const instances = await this.journal.instances();
    return { items: instances.map((instance) => viewOf(instance, Date.now())) };
  }
}

function viewOf({ name, version, startedAt, seenAt, endedAt, claims, isSelf }: Instance, now: number): InstanceView {
  const isSilent = now - seenAt > silentAfterMs;
  return {
    name,
    version,
    state: endedAt !== undefined ? 'ended' : isSilent ? 'silent' : 'running',
    self: isSelf === true,
    started: new Date(startedAt).toISOString(),
    lastSeen: new Date(seenAt).toISOString(),
    claims,
  };
}
