import { assertNever, type ErrorCode, type RequestError } from '../../core/errors';
import type { Dialect } from '../dialect';

/** The errors of Text Embeddings Inference: what happened and a kind. The statuses are the same as everywhere else here. */
export const tei: Dialect = { errorBody: errorObject, errorEvent: errorObject };

function errorObject({ code, message }: RequestError): object {
  return { error: message, error_type: kindOf(code) };
}

function kindOf(code: ErrorCode): string {
  switch (code) {
    case 'overloaded':
      return 'Overloaded';
    case 'internal':
    case 'unexpected':
      return 'Backend';
    case 'undecodable_token':
      return 'Tokenizer';
    case 'bad_value':
    case 'bad_request':
    case 'not_available':
    case 'unauthorized':
    case 'not_found':
    case 'model_not_found':
    case 'unknown_route':
    case 'method_not_allowed':
    case 'body_too_large':
      return 'Validation';
    default:
      return assertNever(code);
  }
}
