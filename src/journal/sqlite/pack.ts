import { kinds, severities, states } from '../../core/alert.js';
import { ageOf, type ReportAge } from '../../core/finding.js';
import type { AcceptedRequest, RequestPart, RoutedAlert } from '../../core/journal.js';
import { idBytes, writeId } from './bytes.js';

/**
 * How requests cross to the writer's thread: all numbers in one array, all bytes in another, both handed over rather
 * than copied. Cloning the objects costs several times as much as all else on the way.
 */
export type Pack = {
  readonly fields: Float64Array<ArrayBuffer>;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many calls of `append` are in it; each is kept whole or not at all. */
  readonly calls: number;
  /** How many of the bytes are used. */
  readonly used: number;
  /** Texts that come again and again, by the order in which they were first sent. */
  readonly newTerms: readonly string[];
  /** True when the texts sent before are no longer meant. */
  readonly forgetTerms: boolean;
};

/** One request as the writer sees it: numbers and bytes, nothing left to read. */
export type PackedRequest = {
  readonly id: Buffer;
  readonly source: string;
  readonly receivedAt: number;
  /** JSON: remoteAddress, authentication, contentType. */
  readonly arrival: string;
  /** Empty where an earlier part has it. */
  readonly body: Buffer;
  readonly probe: string | undefined;
  readonly unread: AcceptedRequest['unread'];
  readonly pull: AcceptedRequest['pull'];
  readonly part: RequestPart | undefined;
  readonly alerts: readonly PackedAlert[];
};

export type PackedAlert = {
  readonly id: Buffer;
  readonly fingerprint: Buffer;
  readonly dedupKey: Buffer;
  /** Positions in the lists of core/alert.ts. */
  readonly kind: number;
  readonly state: number;
  readonly severity: number;
  readonly age: ReportAge;
  /** JSON: routes, sinks. */
  readonly decision: string;
  /** The alert without its action. */
  readonly json: Buffer;
  /** As in `RoutedAlert`. */
  readonly notBefore: number | undefined;
};

/** An alert that crosses by itself, and not in a pack. */
export function packedAlertOf(routed: RoutedAlert): PackedAlert {
  const { alert, json = JSON.stringify(alert), routes, sinks, notBefore } = routed;
  const idOf = (text: string): Buffer => {
    const id = Buffer.alloc(idBytes);
    writeId(text, id, 0);
    return id;
  };
  return {
    id: idOf(alert.id),
    fingerprint: idOf(alert.fingerprint),
    dedupKey: idOf(alert.dedupKey),
    kind: kinds.indexOf(alert.kind),
    state: states.indexOf(alert.state),
    severity: severities.indexOf(alert.severity),
    age: ageOf(alert),
    decision: JSON.stringify({ routes, sinks }),
    json: Buffer.from(json),
    notBefore,
  };
}

type Rest = Pick<PackedRequest, 'unread' | 'probe' | 'pull' | 'part'>;

const nothingMore: Rest = { unread: [], probe: undefined, pull: undefined, part: undefined };

const noBytes = Buffer.alloc(0);
const firstFields = 1_024;
const firstBytes = 65_536;
/** What is larger is not kept for the next pack. */
const largestSpareBytes = 1_048_576;
const mostTerms = 20_000;

/** Gathers requests on the side of the event loop. */
export class Packer {
  #fields = new Float64Array(firstFields);
  #bytes = Buffer.from(new ArrayBuffer(firstBytes));
  #fieldsUsed = 0;
  #bytesUsed = 0;
  #calls = 0;
  readonly #terms = new Map<string, number>();
  #newTerms: string[] = [];
  #forgetTerms = false;
  /** The router shares the decisions that come often: so their texts are made once. */
  readonly #decisions = new WeakMap<RoutedAlert['sinks'], { routes: readonly string[]; text: string }>();
  #lastArrival = { remoteAddress: '', authentication: '', contentType: '', text: '' };
  readonly #spareFields: Float64Array<ArrayBuffer>[] = [];
  readonly #spareBytes: Buffer<ArrayBuffer>[] = [];

  get size(): number {
    return this.#bytesUsed;
  }

  /** Adds one call of `append`. Throws a `RangeError` for an id that is none, and then adds nothing. */
  add(requests: readonly AcceptedRequest[]): void {
    const before = [this.#fieldsUsed, this.#bytesUsed] as const;
    try {
      this.#number(requests.length);
      for (const request of requests) this.#request(request);
    } catch (error) {
      [this.#fieldsUsed, this.#bytesUsed] = before;
      throw error;
    }
    this.#calls += 1;
  }

  /** What was gathered since the last call, with the buffers to hand over. */
  take(): { pack: Pack; transfer: ArrayBuffer[] } {
    const pack: Pack = {
      fields: this.#fields,
      bytes: this.#bytes,
      calls: this.#calls,
      used: this.#bytesUsed,
      newTerms: this.#newTerms,
      forgetTerms: this.#forgetTerms,
    };
    this.#fields = this.#spareFields.pop() ?? new Float64Array(firstFields);
    this.#bytes = this.#spareBytes.pop() ?? Buffer.from(new ArrayBuffer(firstBytes));
    this.#fieldsUsed = 0;
    this.#bytesUsed = 0;
    this.#calls = 0;
    this.#newTerms = [];
    this.#forgetTerms = this.#terms.size > mostTerms;
    if (this.#forgetTerms) this.#terms.clear();
    return { pack, transfer: [pack.fields.buffer, pack.bytes.buffer] };
  }

  /** Takes buffers back that the writer is done with. */
  reuse({ fields, bytes }: Pick<Pack, 'fields' | 'bytes'>): void {
    if (fields.byteLength > largestSpareBytes || bytes.byteLength > largestSpareBytes) return;
    this.#spareFields.push(fields);
    this.#spareBytes.push(Buffer.from(bytes.buffer));
  }

  #request(request: AcceptedRequest): void {
    const { remoteAddress, authentication, contentType, unread, probe, pull, part } = request;
    this.#id(request.id);
    this.#term(request.source);
    this.#number(request.receivedAt);
    this.#term(this.#arrivalText(remoteAddress, authentication, contentType));
    // Of a pull, a later part may be the first that is kept.
    this.#blob(part?.isFirst === false && !pull ? noBytes : request.body);
    const hasMore = unread.length > 0 || probe !== undefined || pull !== undefined || part !== undefined;
    this.#text(hasMore ? JSON.stringify({ unread, probe, pull, part }) : '');
    this.#number(request.alerts.length);
    for (const alert of request.alerts) this.#alert(alert);
  }

  #alert(routed: RoutedAlert): void {
    const { alert } = routed;
    const age = ageOf(alert);
    this.#id(alert.id);
    this.#id(alert.fingerprint);
    this.#id(alert.dedupKey);
    this.#number(kinds.indexOf(alert.kind));
    this.#number(states.indexOf(alert.state));
    this.#number(severities.indexOf(alert.severity));
    this.#number(age.at);
    this.#number((age.isDated ? 1 : 0) + (age.ends ? 2 : 0));
    this.#term(this.#decisionText(routed));
    this.#number(routed.notBefore ?? 0);
    this.#text(routed.json ?? JSON.stringify(alert));
  }

  /** One sender's requests mostly come one after the other, and differ in nothing of this. */
  #arrivalText(remoteAddress: string, authentication: string, contentType: string): string {
    const last = this.#lastArrival;
    if (
      last.remoteAddress === remoteAddress &&
      last.authentication === authentication &&
      last.contentType === contentType
    ) {
      return last.text;
    }
    const text = JSON.stringify({ remoteAddress, authentication, contentType });
    this.#lastArrival = { remoteAddress, authentication, contentType, text };
    return text;
  }

  #decisionText({ routes, sinks }: RoutedAlert): string {
    const known = this.#decisions.get(sinks);
    if (known?.routes === routes) return known.text;
    const text = JSON.stringify({ routes, sinks });
    this.#decisions.set(sinks, { routes, text });
    return text;
  }

  #number(value: number): void {
    if (this.#fieldsUsed === this.#fields.length) {
      const larger = new Float64Array(2 * this.#fields.length);
      larger.set(this.#fields);
      this.#fields = larger;
    }
    this.#fields[this.#fieldsUsed] = value;
    this.#fieldsUsed += 1;
  }

  #term(text: string): void {
    let number = this.#terms.get(text);
    if (number === undefined) {
      number = this.#terms.size;
      this.#terms.set(text, number);
      this.#newTerms.push(text);
    }
    this.#number(number);
  }

  #id(text: string): void {
    this.#reserve(idBytes);
    writeId(text, this.#bytes, this.#bytesUsed);
    this.#bytesUsed += idBytes;
  }

  #text(text: string): void {
    // At most three bytes of UTF-8 for each unit of UTF-16.
    this.#reserve(3 * text.length);
    const written = this.#bytes.write(text, this.#bytesUsed);
    this.#number(written);
    this.#bytesUsed += written;
  }

  #blob(blob: Buffer): void {
    this.#reserve(blob.length);
    this.#bytes.set(blob, this.#bytesUsed);
    this.#number(blob.length);
    this.#bytesUsed += blob.length;
  }

  #reserve(bytes: number): void {
    const needed = this.#bytesUsed + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.from(new ArrayBuffer(Math.max(2 * this.#bytes.length, needed)));
    larger.set(this.#bytes.subarray(0, this.#bytesUsed));
    this.#bytes = larger;
  }
}

/** Reads packs on the writer's side, in the order they were made. */
export class Unpacker {
  #terms: string[] = [];
  #fields: Float64Array = new Float64Array();
  #bytes = Buffer.alloc(0);
  #fieldsRead = 0;
  #bytesRead = 0;

  /** The calls of a pack, each with its requests. Buffers point into the pack. */
  read(pack: Pack): readonly (readonly PackedRequest[])[] {
    if (pack.forgetTerms) this.#terms = [];
    this.#terms.push(...pack.newTerms);
    this.#fields = pack.fields;
    this.#bytes = Buffer.from(pack.bytes.buffer);
    this.#fieldsRead = 0;
    this.#bytesRead = 0;
    const calls: PackedRequest[][] = [];
    for (let left = pack.calls; left > 0; left -= 1) {
      const requests: PackedRequest[] = [];
      for (let more = this.#number(); more > 0; more -= 1) requests.push(this.#request());
      calls.push(requests);
    }
    return calls;
  }

  #request(): PackedRequest {
    const id = this.#blob(idBytes);
    const source = this.#term();
    const receivedAt = this.#number();
    const arrival = this.#term();
    const body = this.#blob(this.#number());
    const rest = this.#text();
    const { unread, probe, pull, part } = rest === '' ? nothingMore : (JSON.parse(rest) as Rest);
    const alerts: PackedAlert[] = [];
    for (let left = this.#number(); left > 0; left -= 1) alerts.push(this.#alert());
    return { id, source, receivedAt, arrival, body, unread, probe, pull, part, alerts };
  }

  #alert(): PackedAlert {
    const id = this.#blob(idBytes);
    const fingerprint = this.#blob(idBytes);
    const dedupKey = this.#blob(idBytes);
    const kind = this.#number();
    const state = this.#number();
    const severity = this.#number();
    const at = this.#number();
    const flags = this.#number();
    const age = { at, isDated: (flags & 1) !== 0, ends: (flags & 2) !== 0 };
    const decision = this.#term();
    const notBefore = this.#number() || undefined;
    const json = this.#blob(this.#number());
    return { id, fingerprint, dedupKey, kind, state, severity, age, decision, json, notBefore };
  }

  #number(): number {
    const value = this.#fields[this.#fieldsRead];
    if (value === undefined) throw new RangeError('a pack ended early');
    this.#fieldsRead += 1;
    return value;
  }

  #term(): string {
    const term = this.#terms[this.#number()];
    if (term === undefined) throw new RangeError('a pack names a term that was never sent');
    return term;
  }

  #text(): string {
    const length = this.#number();
    const start = this.#bytesRead;
    this.#bytesRead += length;
    return this.#bytes.toString('utf8', start, this.#bytesRead);
  }

  #blob(length: number): Buffer {
    const start = this.#bytesRead;
    this.#bytesRead += length;
    return this.#bytes.subarray(start, this.#bytesRead);
  }
}
