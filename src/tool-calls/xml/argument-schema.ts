type JsonObject = Readonly<Record<string, unknown>>;

/** What the schema of a tool's arguments says about one of them. */
export interface ArgumentSchema {
  readonly schema: unknown;
  /** The whole that its references are about. */
  readonly root: unknown;
}

/** Schemas in schemas that are looked into. */
const MAX_DEPTH = 8;

export function argumentSchema(root: unknown, key: string): ArgumentSchema {
  const properties = isObject(root) ? root['properties'] : undefined;
  return {
    schema: isObject(properties) && Object.hasOwn(properties, key) ? properties[key] : undefined,
    root,
  };
}

/**
 * The type that values of a schema have, in lower case. Where several are possible: text if it is among them, else the first;
 * `null` counts only when it is the only one. Text where nothing is said.
 */
export function typeOf({ schema, root }: ArgumentSchema, depth = 0): string {
  if (!isObject(schema) || depth > MAX_DEPTH) return 'string';
  const { type, anyOf, oneOf, allOf, $ref } = schema;
  const types = (members: unknown) =>
    (Array.isArray(members) ? members : []).map((member) => typeOf({ schema: member, root }, depth + 1));
  if (typeof type === 'string') return type.toLowerCase();
  if (Array.isArray(type)) return oneOfTypes(type.filter((item) => typeof item === 'string'));
  if (typeof $ref === 'string') return typeOf({ schema: resolve($ref, root), root }, depth + 1);
  if (Array.isArray(anyOf)) return oneOfTypes(types(anyOf));
  if (Array.isArray(oneOf)) return oneOfTypes(types(oneOf));
  if (Array.isArray(schema['enum'])) return oneOfTypes(schema['enum'].map(typeOfValue));
  if (Array.isArray(allOf)) return types(allOf).find((item) => item !== 'string') ?? 'string';
  if ('properties' in schema) return 'object';
  return 'items' in schema ? 'array' : 'string';
}

function oneOfTypes(types: readonly string[]): string {
  const real = types.map((type) => type.toLowerCase()).filter((type) => type !== 'null');
  return real.includes('string') ? 'string' : (real[0] ?? (types.length > 0 ? 'null' : 'string'));
}

function typeOfValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** `#/$defs/Place` */
function resolve(reference: string, root: unknown): unknown {
  const [start, ...path] = reference.split('/');
  if (start !== '#') return undefined;
  return path.reduce<unknown>(
    (schema, part) => (isObject(schema) && Object.hasOwn(schema, part) ? schema[part] : undefined),
    root,
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
