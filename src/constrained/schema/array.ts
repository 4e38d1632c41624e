import { refuse } from '../bounds';
import type { ReadInner } from './read-schema';
import type { JsonObject, Reading } from './report';

/** Arrays by their items and their length. */
export function readArray(schema: JsonObject, path: string, reading: Reading, inner: ReadInner): JsonObject {
  if (schema['uniqueItems'] === true) reading.unenforced('uniqueItems', path);
  if ('contains' in schema) reading.unenforced('contains', path);
  const { first, rest } = itemsOf(schema, path, reading);
  const least = lengthOf('minItems', schema, path, reading) ?? 0;
  const most = lengthOf('maxItems', schema, path, reading) ?? Infinity;
  if (least > most) refuse(reading.field, `${reading.field}: no value satisfies ${path}.`);
  // The engine wants each of the first items; what follows them may be anything, unless the schema says what.
  const kept = first.slice(0, most);
  const isClosed = rest === false || most <= kept.length;
  if (isClosed && least > kept.length) refuse(reading.field, `${reading.field}: no value satisfies ${path}.`);
  const needsMore = kept.length === 0 || least > kept.length;
  const items = isClosed ? false : rest === undefined ? needsMore : inner(rest, 'items');
  return {
    type: 'array',
    ...(kept.length > 0 && { prefixItems: kept.map((item, i) => inner(item, `prefixItems/${i}`)) }),
    items: items === true ? {} : items,
    ...(least > kept.length && { minItems: least }),
    ...(!isClosed && most !== Infinity && { maxItems: most }),
  };
}

/** What the first items are, and those after them; undefined where the schema does not say. */
function itemsOf(
  schema: JsonObject,
  path: string,
  { field, unenforced }: Reading,
): { first: unknown[]; rest: unknown } {
  const { items, prefixItems, additionalItems, unevaluatedItems } = schema;
  // Before 2020 a list of items said what `prefixItems` does now.
  const first = Array.isArray(items) ? items : prefixItems;
  if (first !== undefined && !Array.isArray(first)) {
    refuse(field, `${field}: prefixItems at ${path} must be a list of schemas.`);
  }
  const rest = Array.isArray(items) ? additionalItems : items;
  if (unevaluatedItems === undefined || unevaluatedItems === true || rest !== undefined)
    return { first: first ?? [], rest };
  if (unevaluatedItems !== false) unenforced('unevaluatedItems', path);
  return { first: first ?? [], rest: unevaluatedItems === false ? false : undefined };
}

function lengthOf(name: string, schema: JsonObject, path: string, { field }: Reading): number | null {
  const value = schema[name];
  if (value === undefined) return null;
  if (!Number.isSafeInteger(value) || (value as number) < 0) {
    refuse(field, `${field}: ${name} at ${path} must be a whole number of at least 0.`);
  }
  return value as number;
}
