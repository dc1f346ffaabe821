import { present } from '../../../kit/present.js';
import { text } from '../../../kit/read.js';
import type { Evidence } from './evidence.js';
import { eventUrlOf } from './event-url.js';
import { packetsOfHexdump } from './hexdump.js';
import { unescaped } from './unescaped.js';

/** A page of the older console: an event's, with that of its signature where the event's does not hold the rule. */
export type EventPage = {
  readonly kind: 'event-page';
  readonly html: string;
  readonly eventId: string | number;
  readonly customerId?: string | number;
  readonly signatureHtml?: string;
};

const maxPage = 8 * 1024 * 1024;

/**
 * Reads the event page of the Cloud Defender console, by what the predecessor's parser looked for (there is no sample of
 * a real page). Each value stands on its own: one that is empty or missing does not cost the others, nor does their
 * order matter.
 */
export function pageEvidence(page: EventPage): Evidence {
  const html = page.html.slice(0, maxPage);
  const script = variablesOf(html);
  const variable = (name: string): string | undefined => text(script.get(name));
  const eventId = text(page.eventId);
  return {
    ...present({
      eventId,
      eventUrl: eventUrlOf(eventId, text(page.customerId)),
      sourceAddress: variable('source_addr'),
      sourcePort: variable('source_port'),
      destinationAddress: variable('dest_addr'),
      destinationPort: variable('dest_port'),
      signatureName: variable('signature_name'),
      sensor: variable('sensor'),
      protocol: variable('protocol'),
      classification: variable('classification'),
      severity: variable('severity'),
      eventTime: boldAfter(html, 'Engine Time:'),
      signatureId: signatureLink(html),
      signatureRule: ruleIn(html) ?? (page.signatureHtml === undefined ? undefined : ruleIn(page.signatureHtml)),
    }),
    packets: packetsOfHexdump(dumpIn(html)),
    unpacked: [],
  };
}

/** `var sensor = '…';`, with either quotation mark and the escapes of JavaScript. The first of a name counts. */
function variablesOf(html: string): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  const forms =
    /\b(?:var|let|const)\s{1,20}(\w{1,40})\s{0,20}=\s{0,20}(?:'((?:[^'\\\n]|\\.){0,2000})'|"((?:[^"\\\n]|\\.){0,2000})")/g;
  for (const [, name = '', single, double] of html.matchAll(forms)) {
    if (!variables.has(name)) variables.set(name, unescapedScript(single ?? double ?? ''));
  }
  return variables;
}

function unescapedScript(value: string): string {
  return value.replace(
    /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|(.))/gi,
    (_all, byte?: string, unit?: string, other?: string) =>
      other === undefined ? String.fromCharCode(parseInt(byte ?? unit ?? '', 16)) : (controls[other] ?? other),
  );
}

const controls: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

/** The id that the console gives the signature, which need not be the `sid` in the rule. */
function signatureLink(html: string): string | undefined {
  return /\bhref=["']?[^"'<>?]{0,100}\bsignature\.php\?[^"'<>]{0,200}?\bsid=(\d{1,20})/i.exec(html)?.[1];
}

/** The cell after the heading, on either page. */
function ruleIn(html: string): string | undefined {
  const heading = html.indexOf('Signature Content');
  if (heading < 0) return undefined;
  const cell = html.indexOf('<td', heading);
  const begin = cell < 0 || cell > heading + maxGap ? -1 : html.indexOf('>', cell) + 1;
  if (begin <= 0) return undefined;
  const end = html.indexOf('</td', begin);
  return text(unescaped(html.slice(begin, Math.min(end < 0 ? begin + maxRule : end, begin + maxRule))));
}

const maxGap = 500;
const maxRule = 65_536;

/** The text of the bold span behind a label. */
function boldAfter(html: string, label: string): string | undefined {
  const at = html.indexOf(label);
  if (at < 0) return undefined;
  const near = html.slice(at + label.length, at + label.length + maxGap);
  return text(unescaped(/<(?:span|b|strong)\b[^>]{0,100}>([^<]{1,100})</i.exec(near)?.[1] ?? ''));
}

/** The dump stands between the signature's cell and the hidden table; where those are not found, anywhere. */
function dumpIn(html: string): string {
  const begin = Math.max(0, html.indexOf('<td>Signature: '));
  const end = html.indexOf('<table id="cache_table"', begin);
  return html
    .slice(begin, end < 0 ? undefined : end)
    .replaceAll('&nbsp;', ' ')
    .replace(/<br ?\/?>/gi, '\n');
}
