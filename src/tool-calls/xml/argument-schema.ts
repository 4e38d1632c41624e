export type JsonObject = Readonly<Record<string, unknown>>;

/** What the schema of a tool's arguments says about one of them. */
export interface ArgumentSchema {
  readonly schema: unknown;
  /** The whole that its references are about. */
  readonly root: unknown;
}

/** Schemas in schemas that are looked into. */
export const MAX_DEPTH = 8;

export function argumentSchema(root: unknown, key: string): ArgumentSchema {
  const properties = isObject(root) ? root['properties'] : undefined;
  return {
    schema: isObject(properties) && Object.hasOwn(properties, key) ? properties[key] : undefined,
    root,
  };
}

/** The type that values of a schema have: text if that is among `typesOf`, else the first; text where nothing is said. */
export function typeOf(argument: ArgumentSchema, depth = 0): string {
  const types = typesOf(argument, depth);
  return types.includes('string') ? 'string' : (types[0] ?? 'string');
}

/** The types that values of a schema may have, in lower case; `null` only where it is the only one, none where nothing is said. */
export function typesOf({ schema, root }: ArgumentSchema, depth = 0): readonly string[] {
  if (!isObject(schema) || depth > MAX_DEPTH) return [];
  const { type, anyOf, oneOf, allOf, $ref } = schema;
  const typesOfAll = (members: unknown) =>
    (Array.isArray(members) ? members : []).map((member) => typeOf({ schema: member, root }, depth + 1));
  if (typeof type === 'string') return [type.toLowerCase()];
  if (Array.isArray(type)) return realTypes(type.filter((item) => typeof item === 'string'));
  if (typeof $ref === 'string') return typesOf({ schema: resolve($ref, root), root }, depth + 1);
  if (Array.isArray(anyOf)) return realTypes(typesOfAll(anyOf));
  if (Array.isArray(oneOf)) return realTypes(typesOfAll(oneOf));
  if (Array.isArray(schema['enum'])) return realTypes(schema['enum'].map(typeOfValue));
  if (Array.isArray(allOf)) return [typesOfAll(allOf).find((item) => item !== 'string') ?? 'string'];
  if ('properties' in schema) return ['object'];
  return 'items' in schema ? ['array'] : [];
}

function realTypes(types: readonly string[]): readonly string[] {
  const all = [...new Set(types.map((type) => type.toLowerCase()))];
  return all.length > 1 ? all.filter((type) => type !== 'null') : all;
}

function typeOfValue(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}

/** What `#/$defs/Place` stands for. */
export function resolve(reference: string, root: unknown): unknown {
  const [start, ...path] = reference.split('/');
  if (start !== '#') return undefined;
  return path.reduce<unknown>(
    (schema, part) => (isObject(schema) && Object.hasOwn(schema, part) ? schema[part] : undefined),
    root,
  );
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
