import type { z } from 'zod';
import { RequestError } from '../core/errors';
import { parseAs } from '../core/parse';
import { logger } from '../logging/logger';
import { oneLine } from '../logging/python-repr';
import { suggest } from '../core/suggest';

/** What a body may hold besides the fields that a route reads. */
export interface OtherFields {
  /** Fields that clients may send and that ask for nothing here. */
  readonly ignored?: readonly string[];
  /** Fields of SGLang whose feature is not here: only a value that asks for nothing is let through. */
  readonly unavailable?: readonly string[];
  /**
   * Whether unknown fields are let through with a warning in the log, because clients of many makes send what their own servers
   * know. Those that resemble a known one are refused all the same.
   */
  readonly lenient?: true;
  /** Names that belong in a member of the body, so that whoever has them outside is told. */
  readonly inside?: { readonly field: string; readonly names: readonly string[] };
}

/** Every body of SGLang may hold them. */
const IN_EVERY_BODY = ['rid', 'http_worker_ipc'];
/** Fields that were let through, so that the log names each once; clients may invent any number. */
const foreign = new Set<string>();
const MAX_FOREIGN = 100;
/** How many unknown fields one message names, and how much of each. */
const MAX_NAMED = 8;
const MAX_NAME_LENGTH = 64;

/**
 * Checks a body against the fields that a route knows. A field nobody knows is refused: it was meant to do something.
 * @throws RequestError `bad_request` for unknown fields and wrong types, `not_available` for what is not there
 */
export function parseBody<S extends z.ZodObject>(
  schema: S,
  body: unknown,
  other: OtherFields = {},
): z.output<S> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) checkNames(schema, body, other);
  return parseAs(schema, body);
}

function checkNames(schema: z.ZodObject, body: object, other: OtherFields): void {
  const own = Object.keys(schema.shape);
  const ignored = new Set([...own, ...IN_EVERY_BODY, ...(other.ignored ?? [])]);
  const unavailable = new Set(other.unavailable);
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (ignored.has(name)) continue;
    if (!unavailable.has(name)) unknown.push(name);
    else if (asksForSomething(value)) {
      throw new RequestError('not_available', `${name} is not available on this server.`, name);
    }
  }
  const refused = other.lenient ? unknown.filter((name) => !isForeign(name, own, other)) : unknown;
  if (refused.length === 0) return;
  const faults = refused.slice(0, MAX_NAMED).map((name) => describe(name, own, other));
  throw new RequestError(
    'bad_request',
    faults.join('; '),
    refused.length === 1 ? (refused[0] ?? null) : null,
  );
}

/** Whether a name is none of ours, nor a mistyped one. */
function isForeign(name: string, own: readonly string[], { ignored, unavailable }: OtherFields): boolean {
  if (suggest(name, [...own, ...(ignored ?? []), ...(unavailable ?? [])]) !== null) return false;
  if (foreign.size < MAX_FOREIGN && !foreign.has(name)) {
    foreign.add(name);
    const shown = oneLine(name.slice(0, MAX_NAME_LENGTH));
    logger.log('warning', `Field ${shown} of a request is not known here and has no effect.`);
  }
  return true;
}

function describe(
  name: string,
  own: readonly string[],
  { inside, ignored, unavailable }: OtherFields,
): string {
  const shown = name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name;
  if (inside?.names.includes(name) === true) return `${shown}: belongs in ${inside.field}`;
  const near = suggest(name, [...own, ...(ignored ?? []), ...(unavailable ?? [])]);
  if (near !== null) return `${shown}: unknown field, did you mean ${near}?`;
  const nearInside = inside === undefined ? null : suggest(name, inside.names);
  return nearInside === null
    ? `${shown}: unknown field`
    : `${shown}: unknown field, did you mean ${inside?.field}.${nearInside}?`;
}

/** Whether a value is more than false, null, 0 or empty. Lists that are nested deeper than any field's are. */
function asksForSomething(value: unknown, depth = 0): boolean {
  if (Array.isArray(value)) {
    return depth > 3 ? value.length > 0 : value.some((item) => asksForSomething(item, depth + 1));
  }
  return value !== undefined && value !== null && value !== false && value !== 0 && value !== '';
}
