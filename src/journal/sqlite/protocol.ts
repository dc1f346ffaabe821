import type { MessagePort } from 'node:worker_threads';
import type { Missing } from '../../core/missing.js';
import type { Duplicate } from './acceptance.js';
import type { Pack } from './pack.js';
import type { StoreOptions } from './store.js';
import type { Methods } from './methods.js';

/** What the journal and its writer's thread say to each other. Requests and calls have a channel each. */
export type WriterData = {
  readonly options: StoreOptions;
  /** Milliseconds since the epoch. */
  readonly openedAt: number;
  readonly appends: MessagePort;
  readonly calls: MessagePort;
};

/** The writer's first word. */
export type Started =
  | {
      readonly ok: true;
      readonly missing: readonly Missing[];
      /** Of the board that shows what is owed. */
      readonly pending: SharedArrayBuffer;
      readonly sources: readonly SourceNumber[];
    }
  | { readonly ok: false; readonly failure: Failure };

/** Under which number a source is on the board. */
export type SourceNumber = readonly [name: string, number: number];

/** A `JournalUnavailableError`, which would not cross as one. */
export type Failure = { readonly message: string; readonly fatal: boolean };

/** The answer to one pack: for each of its calls what became of it. */
export type Appended = {
  readonly calls: readonly ({ readonly duplicates: readonly Duplicate[] } | { readonly failure: Failure })[];
  /** Given back, to be used again. */
  readonly buffers: Pick<Pack, 'fields' | 'bytes'>;
  /** Those that came for the first time. */
  readonly newSources: readonly SourceNumber[] | undefined;
};

export type Call<Name extends keyof Methods = keyof Methods> = {
  readonly id: number;
  readonly name: Name;
  readonly args: Parameters<Methods[Name]>;
};

export type Answer = { readonly id: number } & (
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly failure: Failure }
);
