import { isOfType, JSON_TYPES, type JsonType } from './keywords';
import { resolvedObject } from './references';
import { isObject, type JsonObject, type Reading } from './report';

/** Options of other kinds than values and tagged objects are compared each with each; with more they count as overlapping. */
const MAX_COMPARED = 128;

/** Whether no value can satisfy two of these schemas, as far as that is easily seen. Then `oneOf` says what `anyOf` says. */
export function areDisjoint(schemas: readonly unknown[], reading: Reading): boolean {
  const options = schemas.map((schema) => describe(resolvedObject(schema, reading), reading));
  const values = options.map((option) => option.values);
  if (values.every((list) => list !== null)) return areApart(values);
  if (isToldApart(options)) return true;
  if (options.length > MAX_COMPARED) return false;
  return options.every((one, i) => options.slice(i + 1).every((other) => excludes(one, other)));
}

/** What can be seen of a schema. */
interface Option {
  /** The values that it lists, as JSON; null where it lists none. */
  readonly values: readonly string[] | null;
  readonly types: readonly JsonType[];
  /** Required properties that have few values, and those. */
  readonly tags: ReadonlyMap<string, readonly string[]>;
}

function describe(schema: JsonObject, reading: Reading): Option {
  return { values: valuesOf(schema), types: typesOf(schema), tags: tagsOf(schema, reading) };
}

function excludes(one: Option, other: Option): boolean {
  if (one.values !== null && other.values !== null) return areApart([one.values, other.values]);
  const overlaps = one.types.some((type) => other.types.some((second) => overlap(type, second)));
  return !overlaps || isToldApart([one, other]);
}

/** Whether all are objects, and a property that all require has other values in each. */
function isToldApart(options: readonly Option[]): boolean {
  const [first] = options;
  if (first === undefined || !options.every(({ types }) => types.every((type) => type === 'object')))
    return false;
  return [...first.tags.keys()].some((name) => {
    const values = options.map(({ tags }) => tags.get(name));
    return values.every((list) => list !== undefined) && areApart(values);
  });
}

/** Whether no two of these lists have a value in common. */
function areApart(lists: readonly (readonly string[])[]): boolean {
  const seen = new Set<string>();
  return lists.every((list) => {
    const values = new Set(list);
    if ([...values].some((value) => seen.has(value))) return false;
    for (const value of values) seen.add(value);
    return true;
  });
}

function tagsOf({ properties, required }: JsonObject, reading: Reading): Map<string, readonly string[]> {
  const tags = new Map<string, readonly string[]>();
  if (!isObject(properties) || !Array.isArray(required)) return tags;
  for (const name of required) {
    const values = Object.hasOwn(properties, name as string)
      ? valuesOf(resolvedObject(properties[name as string], reading))
      : null;
    if (values !== null) tags.set(name as string, values);
  }
  return tags;
}

function valuesOf(schema: JsonObject): string[] | null {
  if ('const' in schema) return [JSON.stringify(schema['const'])];
  const values = schema['enum'];
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)) : null;
}

function typesOf(schema: JsonObject): JsonType[] {
  const listed = 'const' in schema ? [schema['const']] : schema['enum'];
  if (Array.isArray(listed))
    return JSON_TYPES.filter((type) => listed.some((value) => isOfType(value, type)));
  const { type } = schema;
  const types = JSON_TYPES.filter((name) => name === type || (Array.isArray(type) && type.includes(name)));
  return types.length > 0 ? types : [...JSON_TYPES];
}

function overlap(one: JsonType, other: JsonType): boolean {
  const isNumeric = (type: JsonType) => type === 'number' || type === 'integer';
  return one === other || (isNumeric(one) && isNumeric(other));
}
