import type { RequestError } from '../../core/errors';
import type { Dialect } from '../dialect';

/** Ollama's errors: a text, in replies and in streams. Its clients print whatever stands in `error`. */
export const ollama: Dialect = { errorBody: errorObject, errorEvent: errorObject };

function errorObject({ message }: RequestError): object {
  return { error: message };
}
