import type { AxiosResponse } from 'axios';
import { Option, type Command } from 'commander';
import { Readable } from 'node:stream';
import { json } from 'node:stream/consumers';
import { at, text } from '../kit/read.js';

/** Where the admin side of a running router is, and the token it wants. */
export type AdminAddress = { readonly admin: string; readonly token?: string };

const answerWithinMs = 30_000;

/** Adds `--admin` and `--token` to a command that asks a running router. */
export function withAdmin(command: Command): Command {
  return command
    .addOption(
      new Option('--admin <url>', 'admin side of the router').env('SIGNALBOX_ADMIN').default('http://127.0.0.1:9090'),
    )
    .addOption(
      new Option('--token <token>', 'one of its admin.tokens; best in the variable').env('SIGNALBOX_ADMIN_TOKEN'),
    );
}

/** Asks for JSON. Throws with what the router says of it, or why it could not be asked. */
export async function askAdmin(address: AdminAddress, path: string): Promise<unknown> {
  const { data } = await requestToAdmin<unknown>(address, path, 'json', AbortSignal.timeout(answerWithinMs));
  return data;
}

/** Asks for a change, or for an answer that takes a body. Throws as `askAdmin`. */
export async function postToAdmin(address: AdminAddress, path: string, body: object): Promise<unknown> {
  const { data } = await requestToAdmin<unknown>(
    address,
    path,
    'json',
    AbortSignal.timeout(answerWithinMs),
    'post',
    body,
  );
  return data;
}

/** Reads server-sent events until the signal aborts; throws when the stream ends before that. */
export async function* streamAdmin(
  address: AdminAddress,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<unknown, void> {
  try {
    const { data: stream } = await requestToAdmin<Readable>(address, path, 'stream', signal);
    let buffered = '';
    for await (const chunk of stream.setEncoding('utf8') as AsyncIterable<string>) {
      buffered += chunk;
      const frames = buffered.split('\n\n');
      buffered = frames.pop() ?? '';
      for (const frame of frames) {
        const data = frame.split('\n').find((line) => line.startsWith('data: '));
        if (data !== undefined) yield JSON.parse(data.slice('data: '.length));
      }
    }
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  if (!signal.aborted) throw new Error(`${address.admin} ended the stream.`);
}

/** Has the router send a file: its length, and its bytes as they come. Throws when nothing comes for too long. */
export async function downloadFromAdmin(
  address: AdminAddress,
  path: string,
  method: 'get' | 'post' = 'post',
): Promise<{ readonly bytes: number; readonly chunks: AsyncIterable<Buffer> }> {
  const silent = new AbortController();
  const timer = setTimeout(() => {
    silent.abort();
  }, answerWithinMs);
  try {
    const { data, headers } = await requestToAdmin<Readable>(address, path, 'stream', silent.signal, method);
    return { bytes: Number(headers['content-length']), chunks: watched(address, data, timer) };
  } catch (error) {
    clearTimeout(timer);
    throw error;
  }
}

async function* watched(
  { admin }: AdminAddress,
  stream: Readable,
  timer: NodeJS.Timeout,
): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      timer.refresh();
      yield chunk;
    }
  } catch (error) {
    throw new Error(`${admin} broke off: ${reasonOf(error)}. Its log says why.`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function requestToAdmin<T>(
  { admin, token }: AdminAddress,
  path: string,
  responseType: 'json' | 'stream',
  signal: AbortSignal,
  method: 'get' | 'post' = 'get',
  body?: object,
): Promise<AxiosResponse<T>> {
  const { default: axios, isAxiosError } = await import('axios');
  const headers = token === undefined ? {} : { authorization: `Bearer ${headerText(token)}` };
  try {
    return await axios.request<T>({
      url: new URL(path, admin).href,
      method,
      ...(body && { data: body }),
      headers,
      responseType,
      signal,
      maxRedirects: 0,
      proxy: false,
    });
  } catch (error) {
    if (!isAxiosError<unknown>(error) || !error.response) {
      throw new Error(`${admin} cannot be asked: ${reasonOf(error)}. Is the router running, and is --admin right?`);
    }
    const { status, data } = error.response;
    const hint = status === 401 ? ' Set SIGNALBOX_ADMIN_TOKEN.' : '';
    throw new Error(`${admin} answered ${status}: ${await detailOf(data, error.message)}${hint}`);
  }
}

/** UTF-8 as headers carry it. What no header can carry is refused here: `fetch` would repeat it in its message. */
function headerText(token: string): string {
  const bytes = Buffer.from(token.trim(), 'utf8').toString('latin1');
  if (/\p{Cc}/u.test(token.trim())) throw new Error('The token has characters that no header can carry.');
  return bytes;
}

/** The code says it in short; what is no address has none. */
function reasonOf(error: unknown): string {
  return text(at(error, 'code')) ?? text(at(error, 'message')) ?? String(error);
}

/** Of a problem document, which a stream has still to deliver: what is wrong, and each value that will not do. */
async function detailOf(data: unknown, otherwise: string): Promise<string> {
  const problem = data instanceof Readable ? await json(data).catch(() => undefined) : data;
  const errors = at(problem, 'errors');
  const values = Array.isArray(errors) ? errors.map((error) => text(at(error, 'detail')) ?? '') : [];
  return [text(at(problem, 'detail')) ?? otherwise, ...values].join(' ');
}
