import { datadog } from './datadog/sink.js';
import { file } from './file/sink.js';
import { webhook } from './webhook/sink.js';

/** Every sink this router knows. Adding one is its folder and one line here. */
export const sinks = [datadog, file, webhook] as const;
