import type { z } from 'zod';
import { RequestError } from '../core/errors';
import { parseAs } from '../core/parse';
import { suggest } from '../core/suggest';

/** What a body may hold besides the fields that a route reads. */
export interface OtherFields {
  /** Fields that clients may send and that ask for nothing here. */
  readonly ignored?: readonly string[];
  /** Fields of SGLang whose feature is not here: only a value that asks for nothing is let through. */
  readonly unavailable?: readonly string[];
  /** Names that belong in a member of the body, so that whoever has them outside is told. */
  readonly inside?: { readonly field: string; readonly names: readonly string[] };
}

/** Every body of SGLang may hold them. */
const IN_EVERY_BODY = ['rid', 'http_worker_ipc'];
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
  if (unknown.length === 0) return;
  const faults = unknown.slice(0, MAX_NAMED).map((name) => describe(name, own, other));
  throw new RequestError(
    'bad_request',
    faults.join('; '),
    unknown.length === 1 ? (unknown[0] ?? null) : null,
  );
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
