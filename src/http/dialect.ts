import type { ServerResponse } from 'node:http';
import type { RequestError } from '../core/errors';
import { anthropic } from './anthropic/dialect';
import { native } from './native/dialect';
import { ollama } from './ollama/dialect';
import { openai } from './openai/dialect';

/** How an API says that something went wrong. Pure translation: status and headers are the same in all of them. */
export interface Dialect {
  /** The body of an error reply: JSON, or text where it is a string. */
  errorBody(error: RequestError): object | string;
  /** The event that tells of an error in a stream whose head is sent. */
  errorEvent(error: RequestError): object;
  /** A further header in which its clients look for the name of a request. */
  readonly idHeader?: string;
}

/** What is spoken below a path where no route says anything else; SGLang's own everywhere else. The first that fits counts. */
const AREAS: readonly (readonly [prefix: string, dialect: Dialect])[] = [
  ['/v1/messages', anthropic],
  ['/v1/', openai],
  ['/api/', ollama],
];

export function dialectOfPath(path: string): Dialect {
  return AREAS.find(([prefix]) => path.startsWith(prefix))?.[1] ?? native;
}

const spoken = new WeakMap<ServerResponse, Dialect>();

/** Decides in which dialect the errors of a reply are told. */
export function speak(res: ServerResponse, dialect: Dialect): void {
  spoken.set(res, dialect);
}

export function dialectOf(res: ServerResponse): Dialect {
  return spoken.get(res) ?? native;
}
