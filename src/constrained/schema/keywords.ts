import { isObject, type JsonObject } from './report';

/** Names of JSON Schema, by the type of value that they speak of. They say nothing about values of other types. */
export const KEYWORDS = {
  object: [
    'properties',
    'required',
    'additionalProperties',
    'patternProperties',
    'propertyNames',
    'minProperties',
    'maxProperties',
    'dependentRequired',
    'dependentSchemas',
    'dependencies',
    'unevaluatedProperties',
  ],
  array: [
    'items',
    'prefixItems',
    'additionalItems',
    'minItems',
    'maxItems',
    'uniqueItems',
    'contains',
    'minContains',
    'maxContains',
    'unevaluatedItems',
  ],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
} as const;

const COMBINING = ['$ref', 'const', 'enum', 'anyOf', 'oneOf', 'allOf', 'type'];
/** The engine knows none of these. */
export const UNKNOWN_TO_ENGINE = ['not', 'if', 'then', 'else', '$dynamicRef', '$recursiveRef'] as const;

const ASSERTIONS: ReadonlySet<string> = new Set([
  ...COMBINING,
  ...UNKNOWN_TO_ENGINE,
  ...Object.values(KEYWORDS).flat(),
]);

/** Keywords of a schema that say something about values, but for these. */
export function assertionsBeside(schema: JsonObject, ...known: string[]): string[] {
  return Object.keys(schema).filter((name) => ASSERTIONS.has(name) && !known.includes(name));
}

/** The schema without these keywords. */
export function without(schema: JsonObject, ...names: string[]): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name)));
}

export type JsonType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';

export const JSON_TYPES: readonly JsonType[] = [
  'object',
  'array',
  'string',
  'number',
  'integer',
  'boolean',
  'null',
];

/** Whether a value of JSON is of a type that JSON Schema names. */
export function isOfType(value: unknown, type: JsonType): boolean {
  switch (type) {
    case 'object':
      return isObject(value);
    case 'array':
      return Array.isArray(value);
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    default:
      return typeof value === type;
  }
}
