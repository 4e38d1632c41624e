import { isOfType, JSON_TYPES, type JsonType } from './keywords';
import { resolvedObject } from './references';
import { isObject, type JsonObject, type Reading } from './report';

/** Whether no value can satisfy two of these schemas, as far as that is easily seen. Then `oneOf` says what `anyOf` says. */
export function areDisjoint(schemas: readonly unknown[], reading: Reading): boolean {
  const objects = schemas.map((schema) => resolvedObject(schema, reading));
  return objects.every((one, i) => objects.slice(i + 1).every((other) => excludes(one, other, reading)));
}

function excludes(one: JsonObject, other: JsonObject, reading: Reading): boolean {
  const [values, others] = [valuesOf(one), valuesOf(other)];
  if (values !== null && others !== null) return values.every((value) => !others.includes(value));
  const [types, otherTypes] = [typesOf(one), typesOf(other)];
  if (types.every((type) => !otherTypes.some((second) => overlap(type, second)))) return true;
  const isTagged = types.concat(otherTypes).every((type) => type === 'object');
  return isTagged && isToldApart(one, other, reading);
}

/** Whether a property that both require has other values in one than in the other. */
function isToldApart(one: JsonObject, other: JsonObject, reading: Reading): boolean {
  const [tags, otherTags] = [tagsOf(one, reading), tagsOf(other, reading)];
  return [...tags].some(([name, values]) => {
    const others = otherTags.get(name);
    return others !== undefined && values.every((value) => !others.includes(value));
  });
}

/** Required properties that have few values, and those. */
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

/** The values that a schema lists, as JSON; null where it lists none. */
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
