import { Module, type DynamicModule } from '@nestjs/common';
import { DeliveryOptions } from './delivery.options.js';
import { Dispatcher } from './dispatcher.service.js';

@Module({})
export class DeliveryModule {
  static for(options: DeliveryOptions): DynamicModule {
    return { module: DeliveryModule, providers: [{ provide: DeliveryOptions, useValue: options }, Dispatcher] };
  }
}
