import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type Certificate = { readonly key: string; readonly cert: string };

type Wanted = {
  /** What it is good for. */
  readonly altName?: string;
  /** Until when, in days from now; negative: it has ended. */
  readonly days?: number;
  readonly digest?: 'sha256' | 'sha1';
  /** By itself instead of by the authority. */
  readonly isSelfSigned?: boolean;
};

/** An authority of the tests' own, made with openssl in a folder; `file` is for `NODE_EXTRA_CA_CERTS`. */
export class Authority {
  readonly file: string;
  #made = 0;

  constructor(private readonly folder: string) {
    this.file = join(folder, 'authority.crt');
    const args = ['-keyout', join(folder, 'authority.key'), '-out', this.file, '-subj', '/CN=test authority'];
    openssl('req', '-x509', ...newKey, '-days', '2', ...args, '-addext', 'keyUsage=critical,keyCertSign');
  }

  issue({ altName = 'IP:127.0.0.1', days = 2, digest = 'sha256', isSelfSigned = false }: Wanted = {}): Certificate {
    this.#made += 1;
    const path = (end: string): string => join(this.folder, `${String(this.#made)}.${end}`);
    const [key, request, cert, extensions] = [path('key'), path('csr'), path('crt'), path('ext')];
    writeFileSync(extensions, `subjectAltName=${altName}\n`);
    openssl('req', '-new', ...newKey, '-keyout', key, '-out', request, '-subj', '/CN=test');
    const signer = isSelfSigned
      ? ['-signkey', key]
      : ['-CA', this.file, '-CAkey', join(this.folder, 'authority.key'), '-CAcreateserial'];
    const how = [...signer, '-days', String(days), `-${digest}`, '-extfile', extensions];
    openssl('x509', '-req', '-in', request, '-out', cert, ...how);
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  }
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
