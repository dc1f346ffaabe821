import type { OtherSink } from './fake-sink.js';

/** A webhook sink, and a receiver that takes everything. */
export const hook: OtherSink = {
  block: (url) => ({ type: 'webhook', url, allowCidrs: ['127.0.0.0/8'] }),
  answer: () => ({ status: 200 }),
};

/** The same, reached through what listens on another port of this machine. */
export function hookBehind(front: string, options: Readonly<Record<string, unknown>> = {}): OtherSink {
  return { ...hook, block: () => ({ type: 'webhook', url: front, allowCidrs: ['127.0.0.0/8'], ...options }) };
}
