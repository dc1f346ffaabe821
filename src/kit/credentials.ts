/**
 * A text without what looks like somebody's credential: alerts quote requests and files, and what a sink refuses it may
 * quote back. Only forms that nothing else has: a text about passwords stays as it is.
 */
export function withoutCredentials(text: string): string {
  let clean = text;
  for (const form of forms) clean = clean.replace(form, '$1[secret]');
  return clean;
}

/** In each, the first group is what may stay. */
const forms: readonly RegExp[] = [
  /(-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----)(?:(?!-----END)[\s\S])*/g,
  // Headers that carry one, as HTTP, JSON or a log has them.
  /((?:(?:proxy-)?authorization|dd-api-key|dd-application-key|x-api-key)["'\\]*\s*[:=]\s*["'\\]*(?:(?:basic|bearer|splunk|genie_?key)\s+)?)[^\s"'\\,;]+/gi,
  /(\b(?:set-)?cookie["'\\]*\s*[:=]\s*["'\\]*)[^\r\n"'\\]+/gi,
  /(\bbearer\s+)[\w.~+/-]{16,}=*/gi,
  // Members and parameters with a telling name.
  /(\b(?:password|passwd|secret|api_?key|access_?token|refresh_?token|client_?secret)=)[^\s&"'\\,;]+/gi,
  /(["'](?:password|passwd|secret|api_?key|access_?token|refresh_?token|client_?secret)\\?["']\s*:\s*\\?["'])[^"'\\]+/gi,
  // Keys that their makers gave a form: AWS, JSON Web Tokens, GitHub, Slack, Standard Webhooks.
  /()\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /()\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g,
  /()\b(?:gh[pousr]_\w{30,}|github_pat_\w{30,})/g,
  /()\bxox[abeoprs]-[\w-]{10,}/g,
  /()\bwhsec_[A-Za-z0-9+/]{20,}=*/g,
];
