import { Option, type Command } from 'commander';
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
  const response = await fetchAdmin(address, path, AbortSignal.timeout(answerWithinMs));
  return response.json();
}

/** Reads server-sent events until the signal aborts; throws when the stream ends before that. */
export async function* streamAdmin(
  address: AdminAddress,
  path: string,
  signal: AbortSignal,
): AsyncGenerator<unknown, void> {
  try {
    const response = await fetchAdmin(address, path, signal);
    let buffered = '';
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
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

async function fetchAdmin({ admin, token }: AdminAddress, path: string, signal: AbortSignal): Promise<Response> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${headerText(token)}` };
  let response: Response;
  try {
    response = await fetch(new URL(path, admin), { headers, signal, redirect: 'error' });
  } catch (error) {
    throw new Error(`${admin} cannot be asked: ${reasonOf(error)}. Is the router running, and is --admin right?`, {
      cause: error,
    });
  }
  if (response.ok) return response;
  const detail = await detailOf(response);
  const hint = response.status === 401 ? ' Set SIGNALBOX_ADMIN_TOKEN.' : '';
  throw new Error(`${admin} answered ${response.status}: ${detail}${hint}`);
}

/** UTF-8 as headers carry it. What no header can carry is refused here: `fetch` would repeat it in its message. */
function headerText(token: string): string {
  const bytes = Buffer.from(token.trim(), 'utf8').toString('latin1');
  if (/\p{Cc}/u.test(token.trim())) throw new Error('The token has characters that no header can carry.');
  return bytes;
}

/** What `fetch` throws says only that it failed; the cause says why. */
function reasonOf(error: unknown): string {
  return (
    text(at(error, 'cause', 'code')) ??
    text(at(error, 'cause', 'message')) ??
    text(at(error, 'message')) ??
    String(error)
  );
}

async function detailOf(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => undefined);
  return text(at(problem, 'detail')) ?? response.statusText;
}
