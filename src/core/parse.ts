import type { z } from 'zod';
import { RequestError } from './errors';

/** How many faults one message names; more would only repeat themselves. */
const MAX_FAULTS = 8;

/**
 * Checks a value that came from outside against a schema.
 * @param at where the value stands in the request, as prefix of the paths in the message
 * @throws RequestError `bad_request` naming each wrong field
 */
export function parseAs<S extends z.ZodType>(schema: S, value: unknown, at = ''): z.output<S> {
  const outcome = schema.safeParse(value);
  if (outcome.success) return outcome.data;
  const faults = outcome.error.issues.slice(0, MAX_FAULTS).map((issue) => {
    const path = [at, ...issue.path.map(String)].filter((part) => part !== '').join('.');
    return { path, text: path === '' ? issue.message : `${path}: ${issue.message}` };
  });
  const [{ path = '' } = {}, ...others] = faults;
  const param = others.length === 0 && path !== '' ? path : null;
  throw new RequestError('bad_request', faults.map(({ text }) => text).join('; '), param);
}

/** Whether `value` is a list of whole numbers. One pass: lists of ids may be long. */
export function isIntegerList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item));
}

/** Whether `value` is a list of lists of whole numbers. */
export function isIntegerLists(value: unknown): value is number[][] {
  return Array.isArray(value) && value.every(isIntegerList);
}

export function isStringList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
