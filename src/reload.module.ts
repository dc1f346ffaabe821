import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ConfigInForce } from './config/in-force.js';
import { Reload } from './core/reload.js';
import { ConfigViews, ReloadService } from './reload.service.js';

/** Global, for the admin side asks for `Reload` and knows nothing of who does it. */
@Global()
@Module({})
export class ReloadModule {
  static for(inForce: ConfigInForce, views: ConfigViews, ingest: DynamicModule): DynamicModule {
    return {
      module: ReloadModule,
      imports: [ingest],
      providers: [
        { provide: ConfigInForce, useValue: inForce },
        { provide: ConfigViews, useValue: views },
        ReloadService,
        { provide: Reload, useExisting: ReloadService },
      ],
      exports: [Reload],
    };
  }
}
