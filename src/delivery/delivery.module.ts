import { Global, Module, type DynamicModule } from '@nestjs/common';
import { SinkControl } from '../core/sink-control.js';
import { DeliveryOptions } from './delivery.options.js';
import { Dispatcher } from './dispatcher.service.js';

/** Global, for the admin side asks for `SinkControl` and knows nothing of who has it. */
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
      ],
      exports: [Dispatcher, SinkControl],
    };
  }
}
