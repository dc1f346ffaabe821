import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ActivityStream } from '../core/activity.js';
import type { Alert } from '../core/alert.js';
import { Journal } from '../core/journal.js';
import { ReplayControl } from '../core/replay-control.js';
import { SinkControl } from '../core/sink-control.js';
import { DeliveryOptions } from './delivery.options.js';
import { Router } from '../routing/router.js';
import { Dispatcher } from './dispatcher.service.js';
import { Replayer } from './replayer.service.js';

/** Global, for the admin side asks for `SinkControl` and `ReplayControl` and knows nothing of who has it. */
@Global()
@Module({})
export class DeliveryModule {
  static for(options: DeliveryOptions): DynamicModule {
    return {
      module: DeliveryModule,
      providers: [
        { provide: DeliveryOptions, useValue: options },
        Dispatcher,
        { provide: SinkControl, useExisting: Dispatcher },
        { provide: ReplayControl, useFactory: openReplayer, inject: [Dispatcher, Router, Journal, ActivityStream] },
      ],
      exports: [Dispatcher, SinkControl, ReplayControl],
    };
  }
}

function openReplayer(dispatcher: Dispatcher, router: Router, journal: Journal, activity: ActivityStream): Replayer {
  const config = {
    sink: (name: string) => dispatcher.sink(name),
    decide: (alert: Alert) => router.decide(alert),
  };
  return new Replayer(config, journal, activity);
}
