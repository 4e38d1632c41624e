import { RequestError } from '../core/errors';

/** Bounds on what a request may ask the engine to compile: what is beyond them is a mistake, or meant to do harm. */

/** Characters of a grammar. */
const MAX_CHARACTERS = 256 * 1024;

/** How deep schemas and structural tags may be nested, groups of regular expressions too; the engine's stack bears more. */
export const MAX_DEPTH = 64;

/** @param field the parameter to blame. @throws RequestError `bad_value` */
export function checkSize(field: string, text: string): void {
  if (text.length > MAX_CHARACTERS) {
    refuse(field, `${field} must have at most ${MAX_CHARACTERS} characters, got ${text.length}.`);
  }
  if (text.includes('\0')) refuse(field, `${field} must not contain NUL.`);
  if (/\p{Cs}/u.test(text)) refuse(field, `${field} must be well-formed Unicode.`);
}

export function refuse(field: string, message: string): never {
  throw new RequestError('bad_value', message, field);
}
