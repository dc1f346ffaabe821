/** An address as it may be shown: nothing makes a link of `www[.]example[.]net/path`. Only the host is changed. */
export function defanged(url: string): string {
  const host = /^(?:[a-z][a-z0-9+.-]{0,20}:\/\/)?[^/?#]*/i.exec(url)?.[0] ?? '';
  const safe = host
    .replace(/^http(?=s?:\/\/)/i, 'hxxp')
    .replaceAll('[.]', '.')
    .replaceAll('.', '[.]');
  return safe + url.slice(host.length);
}
