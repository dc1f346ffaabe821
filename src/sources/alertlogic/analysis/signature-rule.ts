// The options of a Snort rule that tell something of the event it was written for. A rule is looked at as far as 64 kB.

const maxRule = 65_536;

/** `classtype:web-application-attack;` */
export function classTypeOf(rule: string | undefined): string | undefined {
  return /\bclasstype:\s{0,9}([\w-]{1,100})/.exec(shortened(rule))?.[1];
}

/** `msg:"…";`, in which a quotation mark has a backslash. */
export function messageOf(rule: string | undefined): string | undefined {
  return /\bmsg:\s{0,9}"((?:[^"\\]|\\.){1,500})"/.exec(shortened(rule))?.[1]?.replace(/\\(.)/g, '$1');
}

/** `sid:1100085;` */
export function signatureIdOf(rule: string | undefined): string | undefined {
  return /\bsid:\s{0,9}(\d{1,20})/.exec(shortened(rule))?.[1];
}

function shortened(rule = ''): string {
  return rule.slice(0, maxRule);
}
