import { httpsUrl, text, type Flags } from '../../kit/read.js';

/**
 * Makes the function that reads a link to the vendor's portal: https, to one of the hosts or a subdomain of one. The
 * vendor's own published sample links to a development host, so any other link is no link: `link_not_allowed`.
 */
export function linkReader(hosts: readonly string[]): (value: unknown, flags: Flags) => string | undefined {
  const suffixes = hosts.map((host) => `.${host.toLowerCase()}`);
  return (value, flags) => {
    const url = httpsUrl(value);
    const host = url === undefined ? '' : `.${new URL(url).hostname}`;
    if (suffixes.some((suffix) => host.endsWith(suffix))) return url;
    if (text(value) !== undefined) flags.add('link_not_allowed');
    return undefined;
  };
}
