import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ActivityStream } from '../core/activity.js';
import { EnrichmentView } from '../core/enrichment-view.js';
import { Journal } from '../core/journal.js';
import { Router } from '../routing/router.js';
import { Enricher, type AskingSource } from './enricher.service.js';

/** Global, for the admin side asks for `EnrichmentView` and knows nothing of who looks alerts up. */
@Global()
@Module({})
export class EnrichmentModule {
  static for(sources: readonly AskingSource[]): DynamicModule {
    return {
      module: EnrichmentModule,
      providers: [
        {
          provide: Enricher,
          useFactory: (router: Router, journal: Journal, activity: ActivityStream) =>
            new Enricher(sources, router, journal, activity),
          inject: [Router, Journal, ActivityStream],
        },
        { provide: EnrichmentView, useExisting: Enricher },
      ],
      exports: [Enricher, EnrichmentView],
    };
  }
}
