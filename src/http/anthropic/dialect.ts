import type { Dialect } from '../dialect';
import type { RequestError } from '../../core/errors';

/** Anthropic's names for kinds of errors, by status; others are `invalid_request_error` or `api_error`. */
const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

/** The error object of Anthropic's API: `{"type":"error","error":{"type","message"}}`, in replies and as an event of streams. */
export const anthropic: Dialect = {
  errorBody: errorObject,
  errorEvent: errorObject,
  idHeader: 'request-id',
};

function errorObject({ status, message }: RequestError): object {
  const type = TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return { type: 'error', error: { type, message } };
}
