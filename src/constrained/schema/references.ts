import { refuse } from '../bounds';
import { isObject, type JsonObject, type Reading } from './report';

/** `#`, or a name among `$defs` or `definitions`: what keeps its place when a schema is rewritten. */
const REFERENCE = /^#(?:\/(\$defs|definitions)\/([^/~%]+))?$/;

/** What a `$ref` stands for; null for one that cannot be followed. */
export function targetOf(ref: unknown, { root }: Pick<Reading, 'root'>): unknown {
  const match = typeof ref === 'string' ? REFERENCE.exec(ref) : null;
  if (match === null) return null;
  const [, section, name] = match;
  if (section === undefined || name === undefined) return root;
  const definitions = isObject(root) ? root[section] : null;
  return isObject(definitions) && Object.hasOwn(definitions, name) ? definitions[name] : null;
}

/**
 * The schema behind a chain of references. What is found is kept, so that a chain is followed once and not from each of its links.
 * @throws RequestError `bad_value` for a chain that comes back to itself
 */
export function resolved(schema: unknown, reading: Reading): unknown {
  const seen = new Set<unknown>();
  let at = schema;
  while (isObject(at) && '$ref' in at) {
    const known = reading.targets.get(at);
    if (known !== undefined) {
      at = known.target;
      break;
    }
    if (seen.has(at))
      refuse(reading.field, `${reading.field}: $ref ${String(at['$ref'])} refers to nothing but itself.`);
    seen.add(at);
    at = targetOf(at['$ref'], reading);
  }
  const target = at;
  for (const link of seen) reading.targets.set(link, { target });
  return target;
}

/** The object behind references; an empty one for all other schemas. */
export function resolvedObject(schema: unknown, reading: Reading): JsonObject {
  const target = resolved(schema, reading);
  return isObject(target) ? target : {};
}
