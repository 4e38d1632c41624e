import type { RequestError } from '../../core/errors';
import type { Dialect } from '../dialect';

/** The errors of rerank services, in the form of Cohere's. */
export const cohere: Dialect = { errorBody: errorObject, errorEvent: errorObject };

function errorObject({ message }: RequestError): object {
  return { message };
}
