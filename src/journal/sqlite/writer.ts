import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { JournalUnavailableError } from '../../core/errors.js';
import type { Duplicate } from './acceptance.js';
import { asUnavailable } from './errors.js';
import { readsOf, writesOf } from './methods.js';
import { Unpacker, type Pack } from './pack.js';
import type { Answer, Appended, Call, Failure } from './protocol.js';
import type { Done, Store } from './store.js';

/** A group is no larger than this: so that a call never waits behind an endless pile of requests, nor they for it. */
const mostRequests = 512;
const mostBytes = 4_194_304;
const mostCalls = 16;

/**
 * The loop of the writer's thread. Whatever has gathered while the last group was written makes the next one: one
 * transaction, one sync of the disk, and then the answers.
 */
export class Writer {
  readonly #unpacker = new Unpacker();
  readonly #writes;
  readonly #reads;
  #failure: JournalUnavailableError | undefined;
  #isQuiet = true;
  #hasWal = true;

  constructor(
    private readonly store: Store,
    private readonly appends: MessagePort,
    private readonly calls: MessagePort,
    private readonly onFatal: (failure: Failure) => void,
  ) {
    this.#writes = writesOf(store);
    this.#reads = readsOf(store);
    appends.on('message', (pack: Pack) => {
      this.#serve([pack], []);
    });
    calls.on('message', (call: Call) => {
      this.#serve([], [call]);
    });
  }

  /** For quiet moments, about once a second: looks after the files, and empties the WAL when nothing is written. */
  rest(watch: () => void): void {
    if (this.#failure) return;
    try {
      watch();
      this.store.makeRoom();
      if (this.#isQuiet && this.#hasWal) {
        this.#hasWal = !this.store.checkpoint();
      }
      this.#isQuiet = true;
    } catch (error) {
      this.#note(asUnavailable(error));
    }
  }

  /** Serves what is left, and closes the store; one that failed is left as it is. */
  close(): void {
    while (this.#serve([], []) > 0);
    if (!this.#failure) this.store.close();
  }

  /** Serves one group, beginning with what is given; returns how many messages it had. */
  #serve(packs: Pack[], calls: Call[]): number {
    this.#gather(packs, calls);
    const requests = packs.map((pack) => this.#unpacker.read(pack).map((call) => () => this.store.append(call)));
    const writes = calls.filter((call) => call.name in this.#writes);
    const done = this.#write([...requests.flat(), ...writes.map((call) => () => invoke(this.#writes, call))]);
    // Only an answer to a pack tells of them: what a call was the first to name waits for one.
    const newSources = packs.length === 0 ? [] : this.store.pending.takeNewSources();
    let at = 0;
    packs.forEach(({ fields, bytes }, position) => {
      const end = at + (requests[position]?.length ?? 0);
      const results = done.slice(at, end).map((each) => this.#resultOf(each as Done<readonly Duplicate[]>));
      const answer: Appended = {
        calls: results,
        buffers: { fields, bytes },
        newSources: newSources.length === 0 ? undefined : newSources,
      };
      this.appends.postMessage(answer, [fields.buffer, bytes.buffer]);
      at = end;
    });
    writes.forEach((call, position) => {
      this.#answer(call, done[at + position] as Done<unknown>);
    });
    for (const call of calls) if (!(call.name in this.#writes)) this.#answer(call, this.#read(call));
    if (done.length > 0) this.#checkpoint();
    return packs.length + calls.length;
  }

  #gather(packs: Pack[], calls: Call[]): void {
    let requests = packs.reduce((sum, pack) => sum + pack.calls, 0);
    let bytes = packs.reduce((sum, pack) => sum + pack.used, 0);
    while (requests < mostRequests && bytes < mostBytes) {
      const pack = receive(this.appends) as Pack | undefined;
      if (!pack) break;
      packs.push(pack);
      requests += pack.calls;
      bytes += pack.used;
    }
    while (calls.length < mostCalls) {
      const call = receive(this.calls) as Call | undefined;
      if (!call) break;
      calls.push(call);
    }
  }

  #write(jobs: readonly (() => unknown)[]): readonly Done<unknown>[] {
    if (jobs.length === 0) return [];
    const failure = this.#failure;
    if (failure) return jobs.map(() => ({ ok: false, error: failure }));
    this.#isQuiet = false;
    this.#hasWal = true;
    const done = this.store.write(jobs);
    for (const each of done) if (!each.ok) this.#note(each.error);
    return done;
  }

  #read(call: Call): Done<unknown> {
    if (this.#failure) return { ok: false, error: this.#failure };
    try {
      return { ok: true, value: invoke(this.#reads, call) };
    } catch (error) {
      const unavailable = asUnavailable(error);
      this.#note(unavailable);
      return { ok: false, error: unavailable };
    }
  }

  #checkpoint(): void {
    try {
      if (!this.#failure) this.store.checkpointWhenDue();
    } catch (error) {
      this.#note(asUnavailable(error));
    }
  }

  #resultOf(done: Done<readonly Duplicate[]>): Appended['calls'][number] {
    return done.ok ? { duplicates: done.value } : { failure: toFailure(done.error) };
  }

  #answer({ id }: Call, done: Done<unknown>): void {
    const answer: Answer = done.ok
      ? { id, ok: true, value: done.value }
      : { id, ok: false, failure: toFailure(done.error) };
    this.calls.postMessage(answer);
  }

  /** After a fatal error nothing is done any more: not even what might succeed. */
  #note(error: JournalUnavailableError): void {
    if (!error.fatal || this.#failure) return;
    this.#failure = error;
    this.onFatal(toFailure(error));
  }
}

export function toFailure({ message, fatal }: JournalUnavailableError): Failure {
  return { message, fatal };
}

function receive(port: MessagePort): unknown {
  return (receiveMessageOnPort(port) as { readonly message: unknown } | undefined)?.message;
}

function invoke(methods: object, { name, args }: Call): unknown {
  const method = (methods as Record<string, (...args: readonly unknown[]) => unknown>)[name];
  if (!method) throw new Error(`the writer does not know ${name}`);
  return method(...args);
}
