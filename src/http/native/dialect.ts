import { assertNever, type RequestError } from '../../core/errors';
import type { Dialect } from '../dialect';

/** The errors of SGLang's own API, each in the form that SGLang gives it. */
export const native: Dialect = {
  errorBody(error) {
    const { code, message, status } = error;
    switch (code) {
      case 'bad_value':
      case 'not_available':
        return { error: { message } };
      case 'bad_request':
        return envelope(error, 'Bad Request');
      case 'undecodable_token':
        return envelope(error, 'InternalServerError');
      case 'not_found':
      case 'model_not_found':
      case 'body_too_large':
      case 'overloaded':
      case 'internal':
        return envelope(error, String(status));
      case 'unauthorized':
        return { error: message };
      case 'unknown_route':
      case 'method_not_allowed':
        return { detail: message };
      case 'unexpected':
        return message;
      default:
        return assertNever(code);
    }
  },
  errorEvent: ({ message }) => ({ error: { message } }),
};

function envelope({ message, status: code }: RequestError, type: string): object {
  return { object: 'error', message, type, param: null, code };
}
