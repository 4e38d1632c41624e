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

/** The error object of OpenAI's API: `{"error":{"message","type","param","code"}}`, in replies and in streams. */
export const openai: Dialect = { errorBody: errorObject, errorEvent: errorObject };

function errorObject({ code, status, message, param }: RequestError): object {
  const type = status >= 500 ? 'server_error' : 'invalid_request_error';
  return { error: { message, type, param, code: CODES[code] ?? null } };
}
