import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** A body as it is stored: deflated where `bytes`, its length before, is given. */
export type StoredBody = { readonly bytes: number | null; readonly body: Buffer };

/** Below this, deflating takes longer than writing the bytes it saves. */
const worthDeflating = 2_048;

export function store(body: Buffer): StoredBody {
  if (body.length < worthDeflating) return { bytes: null, body };
  const deflated = deflateRawSync(body, { level: 1 });
  return deflated.length < 0.9 * body.length ? { bytes: body.length, body: deflated } : { bytes: null, body };
}

export function restore({ bytes, body }: StoredBody): Buffer {
  return bytes === null ? body : inflateRawSync(body, { maxOutputLength: bytes });
}
