import { RequestError } from '../../core/errors';

type Schema = Readonly<Record<string, unknown>>;

const TYPES = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
const MAX_DEPTH = 32;

/** Types of databases and languages that stand in schemas made from them, by the type of JSON that is meant (SGLang's table). */
const FOREIGN_TYPES: readonly (readonly [pattern: RegExp, type: string])[] = [
  [/^(str|text|varchar|char|enum|uuid|date|datetime|time|timestamp|binary|blob|bytes)$/, 'string'],
  [/^bool$/, 'boolean'],
  [/^(int|uint|long|short|unsigned|bigint)/, 'integer'],
  [/^(num|float|double|decimal|real)/, 'number'],
  [/^(list|arr|tuple|set)/, 'array'],
  [/^(dict|map)/, 'object'],
];

/**
 * The parameters of a tool as a JSON schema, with foreign names of types put right.
 * @param i position of the tool
 * @throws RequestError for what is no schema
 */
export function readParameters(parameters: unknown, i: number): unknown {
  const schema = withJsonTypes(parameters, 0);
  const fault = schemaFault(schema, 'parameters', 0);
  if (fault === null) return schema;
  throw new RequestError(
    'bad_value',
    `Tool ${i} function has invalid 'parameters' schema: ${fault}`,
    'tools',
  );
}

/** Keywords whose values are schemas, lists of them, or objects of them. */
const ONE = ['items', 'additionalProperties', 'not'];
const MANY = ['anyOf', 'oneOf', 'allOf', 'prefixItems'];
const NAMED = ['properties', '$defs', 'definitions'];

function withJsonTypes(schema: unknown, depth: number): unknown {
  if (!isSchema(schema) || depth > MAX_DEPTH) return schema;
  const inner = (part: unknown) => withJsonTypes(part, depth + 1);
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === 'type') return [key, Array.isArray(value) ? value.map(jsonType) : jsonType(value)];
      if (ONE.includes(key)) return [key, inner(value)];
      if (MANY.includes(key) && Array.isArray(value)) return [key, value.map(inner)];
      if (!NAMED.includes(key) || !isSchema(value)) return [key, value];
      return [key, Object.fromEntries(Object.entries(value).map(([name, part]) => [name, inner(part)]))];
    }),
  );
}

function jsonType(type: unknown): unknown {
  if (typeof type !== 'string' || TYPES.includes(type)) return type;
  const word = type
    .toLowerCase()
    .replace(/\(.*\)$/s, '')
    .trim();
  if (TYPES.includes(word)) return word;
  return FOREIGN_TYPES.find(([pattern]) => pattern.test(word))?.[1] ?? type;
}

/** What makes a value no JSON schema; null for one that is. It looks at the keywords that a model is likely to see. */
function schemaFault(schema: unknown, at: string, depth: number): string | null {
  if (typeof schema === 'boolean') return null;
  if (!isSchema(schema)) return `${at} must be an object`;
  if (depth > MAX_DEPTH) return `${at} is nested too deeply`;
  const { type, properties, required, items } = schema;
  const wrong = [type ?? []].flat().find((name) => !TYPES.includes(name as string));
  if (wrong !== undefined)
    return `${at}.type must be one of ${TYPES.join(', ')}, got ${JSON.stringify(wrong)}`;
  if (
    required !== undefined &&
    !(Array.isArray(required) && required.every((name) => typeof name === 'string'))
  ) {
    return `${at}.required must be a list of names`;
  }
  if (properties !== undefined && !isSchema(properties)) return `${at}.properties must be an object`;
  const inner: (readonly [string, unknown])[] = [
    ...Object.entries(properties ?? {}).map(([name, value]) => [`${at}.properties.${name}`, value] as const),
    ...(items === undefined || Array.isArray(items) ? [] : [[`${at}.items`, items] as const]),
  ];
  for (const [where, value] of inner) {
    const fault = schemaFault(value, where, depth + 1);
    if (fault !== null) return fault;
  }
  return null;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
