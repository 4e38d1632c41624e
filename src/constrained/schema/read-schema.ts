import { MAX_DEPTH, refuse } from '../bounds';
import { readArray } from './array';
import { areDisjoint } from './disjoint';
import {
  assertionsBeside,
  isOfType,
  JSON_TYPES,
  KEYWORDS,
  UNKNOWN_TO_ENGINE,
  without,
  type JsonType,
} from './keywords';
import { readNumber } from './number';
import { readObject } from './object';
import { resolved, targetOf } from './references';
import { isObject, refuseUnenforced, type JsonObject, type Reading, type ReportUnenforced } from './report';
import { joinLengths, readString } from './string';

/** A part of a schema, where it stands, and how deep. */
export interface Place {
  readonly path: string;
  readonly depth: number;
}

/** Reads a schema inside another. */
export type ReadInner = (schema: unknown, key: string) => unknown;

/**
 * Rewrites a JSON Schema into one of which the engine enforces every word. What it allows is at most what the schema allows:
 * where the engine can only do less, output is held to that.
 * @param unenforced told of what is left out because the engine would pass over it; by default the request is refused
 * @throws RequestError `bad_value`
 */
export function readSchema(
  schema: unknown,
  field = 'json_schema',
  unenforced: ReportUnenforced = refuseUnenforced(field),
): unknown {
  const reading: Reading = { field, root: schema, unenforced, targets: new Map() };
  return read(schema, { path: '#', depth: 0 }, reading);
}

function read(schema: unknown, place: Place, reading: Reading): unknown {
  const { field } = reading;
  if (place.depth > MAX_DEPTH) refuse(field, `${field} is nested deeper than ${MAX_DEPTH}.`);
  if (typeof schema === 'boolean') return schema;
  if (!isObject(schema)) refuse(field, `${field}: ${place.path} must be an object or a boolean.`);
  for (const name of UNKNOWN_TO_ENGINE) if (name in schema) reading.unenforced(name, place.path);
  const inner: ReadInner = (part, key) =>
    read(part, { path: `${place.path}/${key}`, depth: place.depth + 1 }, reading);
  const constraints = without(schema, ...UNKNOWN_TO_ENGINE, '$defs', 'definitions');
  const definitions = Object.fromEntries(
    ['$defs', 'definitions'].flatMap((section) => {
      const named = schema[section];
      if (!isObject(named)) return [];
      return [[section, mapValues(named, (part, name) => inner(part, `${section}/${name}`))]];
    }),
  );
  return { ...(readConstraints(constraints, place, reading, inner) as object), ...definitions };
}

export function mapValues(object: JsonObject, map: (value: unknown, name: string) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value, name)]));
}

function readConstraints(schema: JsonObject, place: Place, reading: Reading, inner: ReadInner): unknown {
  const beside = (...known: string[]) => {
    for (const name of assertionsBeside(schema, ...known)) reading.unenforced(name, place.path);
  };
  if ('$ref' in schema) {
    beside('$ref');
    return readReference(schema['$ref'], place, reading);
  }
  if ('const' in schema || 'enum' in schema) {
    beside('const', 'enum', 'type');
    return { enum: readValues(schema, place, reading) };
  }
  if ('anyOf' in schema || 'oneOf' in schema) {
    const name = 'anyOf' in schema ? 'anyOf' : 'oneOf';
    beside(name, 'type');
    return readOptions(schema, name, place, reading, inner);
  }
  if ('allOf' in schema) return readAll(schema, place, reading, inner);
  return readTyped(schema, place, reading, inner);
}

function readReference(ref: unknown, { path }: Place, reading: Reading): unknown {
  if (targetOf(ref, reading) === null) {
    refuse(
      reading.field,
      `${reading.field}: $ref at ${path} must be #, #/$defs/<name> or #/definitions/<name> and refer to what is there.`,
    );
  }
  resolved({ $ref: ref }, reading);
  return { $ref: ref };
}

/** The values that are listed, as far as they are of the type. */
function readValues(schema: JsonObject, { path }: Place, { field }: Reading): unknown[] {
  const listed = 'enum' in schema ? schema['enum'] : [schema['const']];
  if (!Array.isArray(listed)) refuse(field, `${field}: enum at ${path} must be a list.`);
  const types = typesIn(schema, path, field);
  const fitting = listed.filter((value) => types === null || types.some((type) => isOfType(value, type)));
  const values = 'const' in schema ? fitting.filter((value) => same(value, schema['const'])) : fitting;
  if (values.length === 0) refuse(field, `${field}: no value satisfies ${path}.`);
  return values;
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function readOptions(
  schema: JsonObject,
  name: 'anyOf' | 'oneOf',
  place: Place,
  reading: Reading,
  inner: ReadInner,
): unknown {
  const options = schema[name];
  if (!Array.isArray(options) || options.length === 0) {
    refuse(reading.field, `${reading.field}: ${name} at ${place.path} must be a list of schemas.`);
  }
  const { type } = schema;
  const typed = options.map((option: unknown) => {
    if (type === undefined) return option;
    if (isObject(option) && same(option['type'], type)) return option;
    if (isObject(option) && assertionsBeside(option, ...Object.values(KEYWORDS).flat()).length === 0) {
      return { ...option, type };
    }
    reading.unenforced('type', place.path);
    return option;
  });
  if (name === 'oneOf' && !areDisjoint(typed, reading)) reading.unenforced('oneOf', place.path);
  return { anyOf: joinLengths(typed.map((option, i) => inner(option, `${name}/${i}`))) };
}

function readAll(schema: JsonObject, place: Place, reading: Reading, inner: ReadInner): unknown {
  const parts = schema['allOf'];
  if (!Array.isArray(parts) || parts.length === 0) {
    refuse(reading.field, `${reading.field}: allOf at ${place.path} must be a list of schemas.`);
  }
  const isAlone = assertionsBeside(schema, 'allOf').length === 0;
  if (isAlone && parts.length === 1) return inner(parts[0], 'allOf/0');
  reading.unenforced('allOf', place.path);
  return isAlone
    ? inner(parts[0], 'allOf/0')
    : readConstraints(without(schema, 'allOf'), place, reading, inner);
}

/** @returns null where the schema names no type */
function typesIn({ type }: JsonObject, path: string, field: string): JsonType[] | null {
  if (type === undefined) return null;
  const names: unknown[] = Array.isArray(type) ? type : [type];
  const types = JSON_TYPES.filter((name) => names.includes(name));
  if (types.length !== new Set(names).size || types.length === 0) {
    refuse(field, `${field}: type at ${path} must be one or several of ${JSON_TYPES.join(', ')}.`);
  }
  return types;
}

/** A schema without a type is one of the values that its keywords speak of, where it has any. */
function typesMeant(schema: JsonObject): JsonType[] {
  const names = Object.keys(KEYWORDS) as (keyof typeof KEYWORDS)[];
  return names.filter((type) => KEYWORDS[type].some((keyword) => keyword in schema)).slice(0, 1);
}

function readTyped(schema: JsonObject, place: Place, reading: Reading, inner: ReadInner): unknown {
  const types = typesIn(schema, place.path, reading.field) ?? typesMeant(schema);
  const options = types
    .filter((type) => type !== 'integer' || !types.includes('number'))
    .map((type) => readType(type, schema, place, reading, inner));
  if (options.length === 0) return {};
  return options.length === 1 ? options[0] : { anyOf: options };
}

function readType(
  type: JsonType,
  schema: JsonObject,
  { path }: Place,
  reading: Reading,
  inner: ReadInner,
): unknown {
  switch (type) {
    case 'object':
      return readObject(schema, path, reading, inner);
    case 'array':
      return readArray(schema, path, reading, inner);
    case 'string':
      return readString(schema, path, reading);
    case 'number':
    case 'integer':
      return readNumber(type, schema, path, reading);
    case 'boolean':
    case 'null':
      return { type };
  }
}
