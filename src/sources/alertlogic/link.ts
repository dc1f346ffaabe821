import { httpsUrl, text, type Flags } from '../../kit/read.js';

/** A link to the vendor's console; `url_dropped` for one that is not https or otherwise unfit to be shown. */
export function linkOf(value: unknown, flags: Flags): string | undefined {
  const url = httpsUrl(value);
  if (url === undefined && text(value) !== undefined) flags.add('url_dropped');
  return url;
}
