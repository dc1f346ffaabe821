import { withoutCredentials } from '../../../kit/credentials.js';

/** Names of fields whose value is a credential, as requests to a login, an API or a shop have them. */
const telling = String.raw`[\w.[\]-]{0,40}(?:pass(?:w(?:or)?d|wort|phrase|code)?|pwd|secret|token|api[_-]?key|access[_-]?key|signature|credential|session(?:id)?|sess|sid|jwt|otp|cvv2?|card[_-]?(?:number|no))[\w.[\]-]{0,40}`;

/** In each, the first group may stay. */
const forms: readonly RegExp[] = [
  // Whole headers: a scheme such as Digest spreads its credential over several members.
  /^((?:proxy-)?authorization:[ \t]*)[^\r\n]*/gim,
  /^((?:set-)?cookie2?:[ \t]*)[^\r\n]*/gim,
  new RegExp(
    String.raw`^(x-[\w-]{0,40}(?:auth|token|key|secret|session|signature|credential)[\w-]{0,40}:[ \t]*)[^\r\n]*`,
    'gim',
  ),
  // user:password@ in a URL.
  /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@:]{0,200}:[^\s/?#@]{1,200}(?=@)/gi,
  // A parameter of a query or a form.
  new RegExp(String.raw`(?<=[?&;\s"'\n]|^)(${telling}=)[^\s&;"'<>]+`, 'gim'),
  // A member of JSON.
  new RegExp(String.raw`("${telling}"[ \t\r\n]{0,20}:[ \t\r\n]{0,20})(?:"(?:[^"\\]|\\.)*"?|[^\s,}\]"]+)`, 'gi'),
  // A part of multipart/form-data: to the next boundary.
  new RegExp(
    String.raw`(name="${telling}"[^\r\n]{0,200}\r?\n(?:[\w-]{1,60}:[^\r\n]{0,200}\r?\n){0,5}\r?\n)[^\r\n]*`,
    'gi',
  ),
  // An element of XML, as SOAP has them.
  new RegExp(String.raw`(<(?:[\w-]{1,40}:)?${telling}(?:\s[^<>]{0,200})?>)[^<]+`, 'gi'),
];

/** A captured text without the credentials in it, each replaced by `[secret]`. */
export function redacted(captured: string): string {
  let clean = captured;
  for (const form of forms) clean = clean.replace(form, (_all, kept: string) => `${kept}[secret]`);
  return withoutCredentials(clean);
}
