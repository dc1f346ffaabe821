import type { Delivery } from '../../src/core/journal.js';
import { sampleAlert } from './alerts.js';

/** A claimed delivery of the sample alert, for tests of sinks and of delivery. */
export function sampleDelivery(overrides: Partial<Delivery> = {}): Delivery {
  const alert = overrides.alert ?? sampleAlert();
  return {
    id: `${alert.id}/datadog`,
    sink: 'datadog',
    alert,
    routes: ['everything'],
    attempt: 1,
    acceptedAt: Date.parse(alert.receivedAt),
    lease: { seq: 1, token: 1 },
    ...overrides,
  };
}
