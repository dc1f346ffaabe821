import { ApiError } from '../../../kit/api-error.js';
import type { Api, ApiAnswer, ApiRequest } from '../../../kit/api.js';
import { parseJsonText } from '../../../kit/json.js';
import { present } from '../../../kit/present.js';
import { field, text } from '../../../kit/read.js';
import { AlertLogicError } from './errors.js';

/** Asks, and gives the last answer whatever its status; throws `AlertLogicError` where there is none. */
export async function asked(api: Api, request: ApiRequest, signal: AbortSignal | undefined): Promise<ApiAnswer> {
  try {
    return await api.request(request, signal);
  } catch (error) {
    throw error instanceof ApiError ? wrapped(error) : error;
  }
}

/** The JSON of an answer that says yes; throws what `refusalOf` makes of one that says no. */
export function jsonOf(answer: ApiAnswer): unknown {
  if (answer.status < 200 || answer.status > 299) throw refusalOf(answer);
  try {
    return answer.json();
  } catch (error) {
    throw error instanceof ApiError ? wrapped(error) : error;
  }
}

/** The words for an answer that says no. `why`, where the caller knows better what the status means. */
export function refusalOf(answer: ApiAnswer, why?: string): AlertLogicError {
  const { status, requestId, retryAfterMs } = answer;
  const words = why ?? reasonsBy[status] ?? answer.excerpt();
  const said = words === '' ? '' : `: ${words}`;
  return new AlertLogicError(
    `Alert Logic answered ${String(status)}${said}`,
    present({ status, code: codeOf(answer), requestId, retryAfterMs }),
  );
}

const reasonsBy: Readonly<Record<number, string>> = {
  401: 'the credentials are not accepted',
  403: 'this user may not do this in this account',
};

/** `{"error": "mfa_code_required"}`; some errors are sentences, and no code. */
export function codeOf(answer: ApiAnswer): string | undefined {
  const parsed = parseJsonText(answer.text);
  const said = parsed.kind === 'json' ? text(field(parsed.value, 'error')) : undefined;
  return said !== undefined && /^[a-z][a-z_]{2,60}$/.test(said) ? said : undefined;
}

function wrapped(error: ApiError): AlertLogicError {
  const { status, requestId } = error;
  return new AlertLogicError(`Alert Logic: ${error.message}`, present({ status, requestId }), { cause: error });
}
