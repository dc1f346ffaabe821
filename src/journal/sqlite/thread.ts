import { once } from 'node:events';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { JournalUnavailableError } from '../../core/errors.js';
import type { AcceptedRequest, Receipt } from '../../core/journal.js';
import { describeMissing } from '../../core/missing.js';
import type { Duplicate } from './acceptance.js';
import type { Methods } from './methods.js';
import { Packer } from './pack.js';
import { PendingView } from './pending.js';
import type { Answer, Appended, Call, Failure, Started, WriterData } from './protocol.js';
import type { StoreOptions } from './store.js';

type Waiting<T> = { readonly resolve: (value: T) => void; readonly reject: (error: JournalUnavailableError) => void };
type WaitingAppend = Waiting<readonly Receipt[]> & { readonly requests: readonly AcceptedRequest[] };
/** What was handed over together; `since`: when the first of it came, on the clock that never jumps. */
type WaitingPack = { readonly appends: readonly WaitingAppend[]; readonly since: number; isLate: boolean };

export type WriterEvents = {
  readonly onFatal: (error: JournalUnavailableError) => void;
  readonly onGap: (gap: string) => void;
  /** These are kept, though whoever brought them was told that nobody knows. */
  readonly onKeptLate: (requests: readonly AcceptedRequest[]) => void;
};

const closed = 'The journal is closed.';
/** Beyond this the writer cannot keep up: better to say no at once than to let senders wait in vain. */
const mostWaiting = 10_000;
/** One is being written, the others are next; what comes meanwhile gathers, and crosses in one message. */
const mostPacks = 4;
/** What one turn of the event loop brings goes over in parts of so many, so that the writer begins with the first. */
const packCalls = 12;
/** A tick may bring more than a group should hold. */
const packBytes = 1_048_576;
/** Vendors hang up after about 10 s: whoever waits this long is told so before that. */
export const lateAfterMs = 8_000;
const lateCheckMs = 500;

/** The event loop's side of the writer's thread. */
export class WriterThread {
  /** How much is owed. */
  readonly pending: PendingView;
  readonly #appends: MessagePort;
  readonly #calls: MessagePort;
  readonly #packer = new Packer();
  /** Appended in this tick, and not handed over yet. */
  #gathered: WaitingAppend[] = [];
  #gatheredSince = 0;
  /** Handed over, pack by pack, and not answered yet. */
  readonly #packs: WaitingPack[] = [];
  /** While the disk hangs, nothing more is taken: what waits for it must not grow. */
  #isLate = false;
  readonly #lateCheck: NodeJS.Timeout;
  readonly #called = new Map<number, Waiting<unknown>>();
  #lastCall = 0;
  #waiting = 0;
  #failure: JournalUnavailableError | undefined;

  private constructor(
    private readonly worker: Worker,
    channels: { readonly appends: MessagePort; readonly calls: MessagePort },
    started: Extract<Started, { readonly ok: true }>,
    private readonly events: WriterEvents,
    private readonly lateMs: number,
  ) {
    this.#lateCheck = setInterval(() => {
      this.#checkLate();
    }, lateCheckMs).unref();
    this.pending = new PendingView(started.pending);
    this.pending.learn(started.sources);
    this.#appends = channels.appends;
    this.#calls = channels.calls;
    this.#appends.on('message', (answer: Appended) => {
      this.#appended(answer);
    });
    this.#calls.on('message', (answer: Answer) => {
      this.#answered(answer);
    });
    worker.on('message', (failure: Failure) => {
      this.#fail(new JournalUnavailableError(failure.message, true));
    });
    worker.on('error', (error) => {
      this.#fail(new JournalUnavailableError(`The journal's thread broke: ${error.message}`, true, { cause: error }));
    });
    worker.on('exit', () => {
      this.#fail(new JournalUnavailableError(closed, true));
    });
  }

  /** Opens the store on a thread of its own; rejects when it cannot be opened. */
  static async start(
    options: StoreOptions,
    workerUrl: URL,
    openedAt: number,
    events: WriterEvents,
    lateMs = lateAfterMs,
  ): Promise<WriterThread> {
    const appends = new MessageChannel();
    const calls = new MessageChannel();
    const workerData: WriterData = { options, openedAt, appends: appends.port2, calls: calls.port2 };
    // How the process was started need not suit a thread: `--input-type`, for one, would break it.
    const worker = new Worker(workerUrl, { workerData, execArgv: [], transferList: [appends.port2, calls.port2] });
    const [started] = (await once(worker, 'message')) as [Started];
    if (started.ok) {
      for (const missing of started.missing) {
        if (missing.acknowledgedAt === undefined) events.onGap(describeMissing(missing));
      }
      return new WriterThread(worker, { appends: appends.port1, calls: calls.port1 }, started, events, lateMs);
    }
    appends.port1.close();
    calls.port1.close();
    throw new JournalUnavailableError(started.failure.message, started.failure.fatal);
  }

  /** One call of the journal's `append`: what comes in one tick crosses in one message. */
  append(requests: readonly AcceptedRequest[]): Promise<readonly Receipt[]> {
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#waiting >= mostWaiting) {
      return Promise.reject(new JournalUnavailableError(`${mostWaiting} requests wait for the disk already.`, false));
    }
    if (this.#isLate) return Promise.reject(this.#lateError());
    return new Promise((resolve, reject) => {
      this.#packer.add(requests);
      if (this.#gathered.length === 0) {
        this.#gatheredSince = performance.now();
        setImmediate(() => {
          if (this.#packs.length < mostPacks) this.#handOver();
        });
      }
      this.#gathered.push({ requests, resolve, reject });
      this.#waiting += 1;
      const isPart = this.#gathered.length >= packCalls && this.#packs.length < mostPacks;
      if (isPart || this.#packer.size >= packBytes) this.#handOver();
    });
  }

  /** Has the writer do something, after all that was asked of it before by this way. */
  call<Name extends keyof Methods>(name: Name, ...args: Parameters<Methods[Name]>): Promise<ReturnType<Methods[Name]>> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#lastCall += 1;
      const call: Call<Name> = { id: this.#lastCall, name, args };
      this.#called.set(call.id, { resolve: resolve as (value: unknown) => void, reject });
      this.#calls.postMessage(call);
    });
  }

  /** Lets the writer finish what it was given. */
  async close(): Promise<void> {
    if (this.#failure?.message === closed) return;
    this.#handOver();
    clearInterval(this.#lateCheck);
    const exit = once(this.worker, 'exit');
    this.#failure ??= new JournalUnavailableError(closed, true);
    this.worker.postMessage('close');
    await exit;
  }

  #handOver(): void {
    if (this.#gathered.length === 0) return;
    const { pack, transfer } = this.#packer.take();
    this.#packs.push({ appends: this.#gathered, since: this.#gatheredSince, isLate: this.#isLate });
    this.#gathered = [];
    this.#appends.postMessage(pack, transfer);
  }

  #appended({ calls, buffers, newSources }: Appended): void {
    this.#packer.reuse(buffers);
    if (newSources) this.pending.learn(newSources);
    const { appends, isLate } = this.#packs.shift() ?? { appends: [], isLate: false };
    this.#waiting -= appends.length;
    appends.forEach(({ requests, resolve, reject }, position) => {
      const result = calls[position];
      if (!result || 'failure' in result) reject(toError(result?.failure));
      else if (isLate) this.events.onKeptLate(requests);
      else resolve(receiptsOf(requests, result.duplicates));
    });
    this.#handOver();
    this.#isLate = this.#packs.some((pack) => pack.isLate);
  }

  /** When the oldest has waited for too long, nobody is left waiting: the rest stands behind it. */
  #checkLate(): void {
    const since = this.#packs[0]?.since;
    if (since === undefined || this.#isLate || performance.now() - since < this.lateMs) return;
    this.#isLate = true;
    const error = this.#lateError();
    for (const { reject } of [...this.#packs.flatMap(({ appends }) => appends), ...this.#gathered]) reject(error);
    for (const pack of this.#packs) pack.isLate = true;
  }

  #lateError(): JournalUnavailableError {
    return new JournalUnavailableError(`The disk has not answered for ${this.lateMs / 1_000} s.`, false);
  }

  #answered(answer: Answer): void {
    const waiting = this.#called.get(answer.id);
    this.#called.delete(answer.id);
    if (answer.ok) waiting?.resolve(answer.value);
    else waiting?.reject(toError(answer.failure));
  }

  /** Refuses everything from now on, and whatever still waits. */
  #fail(error: JournalUnavailableError): void {
    clearInterval(this.#lateCheck);
    if (!this.#failure) this.events.onFatal(error);
    this.#failure ??= error;
    const appends = this.#packs.flatMap((pack) => pack.appends);
    for (const { reject } of [...appends, ...this.#gathered, ...this.#called.values()]) reject(error);
    this.#packs.length = 0;
    this.#gathered = [];
    this.#called.clear();
  }
}

function receiptsOf(requests: readonly AcceptedRequest[], duplicates: readonly Duplicate[]): readonly Receipt[] {
  const receipts = requests.map(({ alerts }) => ({
    alerts: alerts.map(({ alert }): Receipt['alerts'][number] => ({ id: alert.id, status: 'accepted' })),
  }));
  for (const { request, alert, id } of duplicates)
    receipts[request]?.alerts.splice(alert, 1, { id, status: 'duplicate' });
  return receipts;
}

function toError(failure: Failure | undefined): JournalUnavailableError {
  return new JournalUnavailableError(failure?.message ?? closed, failure?.fatal ?? true);
}
