import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { Journal, type JournalCounts } from '../core/journal.js';
import { AdminOptions } from './admin.options.js';

type SourceView = {
  readonly name: string;
  readonly type: string;
  readonly vendor: string;
  readonly product: string;
  /** Since the journal began. */
  readonly counts: Omit<JournalCounts['sources'][number], 'source'>;
};

@ApiTags('config')
@Controller('api/v1/sources')
export class SourcesController {
  constructor(
    private readonly options: AdminOptions,
    private readonly journal: Journal,
  ) {}

  @Get()
  @ApiOperation({ summary: 'The configured sources, and what they sent since the journal began.' })
  async list(): Promise<{ readonly items: readonly SourceView[] }> {
    const counts = await this.journal.counts();
    const none = { requests: 0, accepted: 0, duplicates: 0, quarantined: 0, probes: 0, unrouted: 0 };
    return {
      items: this.options.sources.map(({ name, type, vendor, product }) => {
        const { source: _source, ...own } = counts.sources.find((each) => each.source === name) ?? {
          source: name,
          ...none,
        };
        return { name, type, vendor, product, counts: own };
      }),
    };
  }
}
