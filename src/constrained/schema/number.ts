import { refuse } from '../bounds';
import type { JsonObject, Reading } from './report';

/** Integers of one range that are listed. */
const MAX_LISTED = 1024;

/**
 * Numbers within bounds. The engine gets many bounds wrong: integers of a short range are listed, and of the others only those bounds
 * are let through that it enforces.
 */
export function readNumber(
  type: 'number' | 'integer',
  schema: JsonObject,
  path: string,
  reading: Reading,
): JsonObject {
  const bound = (name: string): number | null => {
    const value = schema[name];
    if (value === undefined) return null;
    if (typeof value !== 'number')
      refuse(reading.field, `${reading.field}: ${name} at ${path} must be a number.`);
    return value;
  };
  const { multipleOf } = schema;
  if (multipleOf !== undefined && !(type === 'integer' && multipleOf === 1)) {
    reading.unenforced('multipleOf', path);
  }
  const [least, most] = [bound('minimum'), bound('maximum')];
  const [above, below] = [bound('exclusiveMinimum'), bound('exclusiveMaximum')];
  if (type === 'number') {
    const isEnforced = least === null || least === 0;
    if (!isEnforced) reading.unenforced('minimum', path);
    for (const name of ['maximum', 'exclusiveMinimum', 'exclusiveMaximum']) {
      if (bound(name) !== null) reading.unenforced(name, path);
    }
    return least === 0 ? { type, minimum: 0 } : { type };
  }
  const from = largest(
    least === null ? null : Math.ceil(least),
    above === null ? null : Math.floor(above) + 1,
  );
  const to = smallest(most === null ? null : Math.floor(most), below === null ? null : Math.ceil(below) - 1);
  if (from !== null && to !== null && from > to)
    refuse(reading.field, `${reading.field}: no value satisfies ${path}.`);
  const range = integersBetween(from, to);
  if (range !== null) return range;
  if (from !== null) reading.unenforced(least === null ? 'exclusiveMinimum' : 'minimum', path);
  if (to !== null) reading.unenforced(most === null ? 'exclusiveMaximum' : 'maximum', path);
  return { type };
}

/** @returns null where the engine would allow others too */
function integersBetween(from: number | null, to: number | null): JsonObject | null {
  const type = 'integer';
  if (from === null && to === null) return { type };
  if (from !== null && to !== null) return listed(from, to);
  if (from !== null) {
    // From 2 to 9 the engine takes the first digit for any.
    const minimum = from <= 0 ? 0 : from < 10 && from !== 1 ? 10 : from;
    if (!Number.isSafeInteger(minimum)) return null;
    return from === minimum ? { type, minimum } : withListed(from, minimum - 1, { type, minimum });
  }
  const last = to as number;
  if (last < -1) return null;
  const maximum = Math.min(last, 0);
  return last === maximum ? { type, maximum } : withListed(1, last, { type, maximum });
}

function withListed(from: number, to: number, others: JsonObject): JsonObject | null {
  const range = listed(from, to);
  return range && { anyOf: [range, others] };
}

/** The integers of a range one by one; null where they are too many. */
function listed(from: number, to: number): JsonObject | null {
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || to - from >= MAX_LISTED) return null;
  // Adding 0 makes -0 and 0 the same.
  return { enum: Array.from({ length: to - from + 1 }, (_, i) => from + i + 0) };
}

function largest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.max(one, other);
}

function smallest(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other);
}
