import { refuse } from '../bounds';
import type { ReadInner } from './read-schema';
import { isObject, type JsonObject, type Reading } from './report';

const UNENFORCED = [
  'patternProperties',
  'propertyNames',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'minProperties',
  'maxProperties',
];

/**
 * Objects by their properties, in the order in which they are named. One that names properties has no others, whatever
 * `additionalProperties` allows: the engine would take a second property of the same name for another.
 */
export function readObject(schema: JsonObject, path: string, reading: Reading, inner: ReadInner): JsonObject {
  const { field } = reading;
  for (const name of UNENFORCED) if (asksForSomething(name, schema[name])) reading.unenforced(name, path);
  const { properties = {}, required = [] } = schema;
  if (!isObject(properties)) refuse(field, `${field}: properties at ${path} must be an object.`);
  if (!Array.isArray(required) || !required.every((name) => typeof name === 'string')) {
    refuse(field, `${field}: required at ${path} must be a list of names.`);
  }
  const others = otherProperties(schema, path, reading);
  const all = { ...properties };
  for (const name of required) {
    if (Object.hasOwn(all, name)) continue;
    if (others === false) refuse(field, `${field}: ${path} requires ${JSON.stringify(name)} and forbids it.`);
    all[name] = others;
  }
  // The engine writes names as they are.
  if (Object.keys(all).some((name) => JSON.stringify(name).length > name.length + 2)) {
    reading.unenforced('properties', path);
  }
  const possible = Object.entries(all).filter(([name, part]) => part !== false || required.includes(name));
  if (possible.length === 0) {
    return {
      type: 'object',
      additionalProperties: others === true ? {} : others && inner(others, 'additionalProperties'),
    };
  }
  return {
    type: 'object',
    properties: Object.fromEntries(possible.map(([name, part]) => [name, inner(part, `properties/${name}`)])),
    required: [...new Set(required)],
    additionalProperties: false,
  };
}

/** What properties without a schema of their own may be: a schema, or whether there may be any. */
function otherProperties(schema: JsonObject, path: string, { unenforced }: Reading): unknown {
  const { additionalProperties, unevaluatedProperties } = schema;
  if (additionalProperties !== undefined) return additionalProperties;
  if (unevaluatedProperties === false) return false;
  if (unevaluatedProperties !== undefined && unevaluatedProperties !== true)
    unenforced('unevaluatedProperties', path);
  return true;
}

function asksForSomething(name: string, value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (name === 'minProperties') return value !== 0;
  return !isObject(value) || Object.keys(value).length > 0;
}
