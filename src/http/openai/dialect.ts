import type { ErrorCode, RequestError } from '../../core/errors';
import type { Dialect } from '../dialect';

/** OpenAI's own words for an error where it has them, else none. */
const CODES: Readonly<Partial<Record<ErrorCode, string>>> = {
  bad_value: 'invalid_value',
  not_available: 'unsupported_parameter',
  unauthorized: 'invalid_api_key',
  model_not_found: 'model_not_found',
  unknown_route: 'unknown_url',
};

/**
 * The error object of OpenAI's API: `{"error":{"message","type","param","code"}}`, in replies and in streams. Beside it replies
 * have SGLang's own members, which its clients read at the top.
 */
export const openai: Dialect = {
  errorBody: (error) => ({ ...sglangError(error), ...errorObject(error) }),
  errorEvent: errorObject,
};

/** SGLang's names for the kinds of errors; others are called by their status. */
const KINDS: Readonly<Record<number, string>> = { 400: 'BadRequestError', 500: 'InternalServerError' };

function sglangError({ status, message, param }: RequestError): object {
  return { object: 'error', message, type: KINDS[status] ?? String(status), param, code: status };
}

function errorObject({ code, status, message, param }: RequestError): object {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  return { error: { message, type, param, code: CODES[code] ?? null } };
}
