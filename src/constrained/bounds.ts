import { RequestError } from '../core/errors';

/** Bounds on what a request may ask the engine to compile: what is beyond them is a mistake, or meant to do harm. */

/** Characters of a grammar. */
const MAX_CHARACTERS = 256 * 1024;

/** Characters of what one becomes in the engine's own dialect, where ranges of integers are listed. */
const MAX_WRITTEN = 2 ** 20;

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

/** @returns the text. @throws RequestError `bad_value` */
export function checkWritten(field: string, text: string): string {
  if (text.length <= MAX_WRITTEN) return text;
  return refuse(
    field,
    `${field} is too large: with its ranges of integers written out it has ${text.length} characters, more than ${MAX_WRITTEN}.`,
  );
}

export function refuse(field: string, message: string): never {
  throw new RequestError('bad_value', message, field);
}
