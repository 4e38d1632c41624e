import { isOfType, JSON_TYPES, type JsonType } from '../schema/keywords';
import { mapValues } from '../schema/read-schema';
import { targetOf } from '../schema/references';
import { isObject, type JsonObject } from '../schema/report';

/** How many characters a string may have: code points of Unicode, however they are written. */
export interface Length {
  readonly least: number;
  /** May be Infinity. */
  readonly most: number;
}

/** What the lengths of the strings in one place of a text hang on. Null where they are the grammar's business. */
export interface Node {
  readonly string: Length | null;
  /** @param name of a property */
  property(name: string): Node | null;
  /** @param index of an item */
  item(index: number): Node | null;
}

/** A schema divided into what the engine enforces and what is counted beside it. */
export interface Divided {
  /** For the engine: the strings that are counted may have any length in it. */
  readonly schema: unknown;
  /** Null where nothing is counted. */
  readonly root: Node | null;
}

/**
 * Takes the lengths of strings out of a schema as `readSchema` has written it, wherever the text before a string says which schema
 * it belongs to. Where several alternatives may be meant, its length stays in the grammar.
 */
export function divideLengths(schema: unknown): Divided {
  const reading: Reading = { root: schema, kept: new Set(), nodes: new Map() };
  markKept(schema, false, reading, [new Set(), new Set()]);
  let counted = 0;
  const forEngine = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(forEngine);
    if (!isObject(part)) return part;
    // Values that are listed are no schemas, whatever they look like.
    if ('enum' in part) return { ...part, ...definitionsOf(part, forEngine) };
    if (isCounted(part, reading)) {
      counted += 1;
      return { type: 'string', ...definitionsOf(part, forEngine) };
    }
    return mapValues(part, (value, key) =>
      NAMED.has(key) && isObject(value) ? mapValues(value, forEngine) : forEngine(value),
    );
  };
  const divided = forEngine(schema);
  return counted === 0 ? { schema, root: null } : { schema: divided, root: nodeOf(schema, reading) };
}

interface Reading {
  readonly root: unknown;
  /** Strings whose lengths stay in the grammar. */
  readonly kept: Set<unknown>;
  readonly nodes: Map<unknown, Node>;
}

/** Keywords that hold schemas by names, any of which may be that of a keyword. */
const NAMED: ReadonlySet<string> = new Set(['properties', '$defs', 'definitions']);

function definitionsOf(part: JsonObject, map: (schema: unknown) => unknown): JsonObject {
  const sections = Object.entries(part).filter(
    ([name, section]) => name !== 'properties' && NAMED.has(name) && isObject(section),
  );
  return Object.fromEntries(sections.map(([name, section]) => [name, mapValues(section as JsonObject, map)]));
}

function lengthOf(schema: unknown): Length | null {
  if (!isObject(schema) || schema['type'] !== 'string') return null;
  const { minLength, maxLength } = schema;
  if (minLength === undefined && maxLength === undefined) return null;
  return { least: Number(minLength ?? 0), most: Number(maxLength ?? Infinity) };
}

function isCounted(schema: unknown, { kept }: Reading): boolean {
  return lengthOf(schema) !== null && !kept.has(schema);
}

/** The schemas that a value may be held to, without those that only refer to or list others. */
function optionsOf(schema: unknown, { root }: Reading): unknown[] {
  const found: unknown[] = [];
  const seen = new Set<unknown>();
  const collect = (part: unknown): void => {
    if (part === false || part === undefined || seen.has(part)) return;
    if (isObject(part)) seen.add(part);
    if (isObject(part) && '$ref' in part) collect(targetOf(part['$ref'], { root }));
    else if (isObject(part) && Array.isArray(part['anyOf'])) part['anyOf'].forEach(collect);
    else found.push(part);
  };
  collect(schema);
  return found;
}

function typesOf(option: unknown): readonly JsonType[] {
  if (!isObject(option)) return JSON_TYPES;
  const { type, enum: values } = option;
  if (Array.isArray(values))
    return JSON_TYPES.filter((name) => values.some((value) => isOfType(value, name)));
  return typeof type === 'string' ? JSON_TYPES.filter((name) => name === type) : JSON_TYPES;
}

/** The one option of a type; null where there is none or more than one. */
function only(type: JsonType, options: readonly unknown[]): JsonObject | null {
  const [first, ...more] = options.filter((option) => typesOf(option).includes(type));
  return more.length === 0 && isObject(first) && first['type'] === type ? first : null;
}

/** @param visited what was looked at where one schema is meant, and where several may be */
function markKept(
  schema: unknown,
  isUnclear: boolean,
  reading: Reading,
  visited: readonly [Set<unknown>, Set<unknown>],
): void {
  const seen = visited[isUnclear ? 1 : 0];
  if (!isObject(schema) || seen.has(schema)) return;
  seen.add(schema);
  const options = optionsOf(schema, reading);
  for (const option of options) {
    if (!isObject(option)) continue;
    const type = option['type'] as JsonType;
    const isOneOfSeveral = isUnclear || only(type, options) === null;
    if (isOneOfSeveral && lengthOf(option) !== null) reading.kept.add(option);
    for (const part of partsOf(option)) markKept(part, isOneOfSeveral, reading, visited);
  }
}

function partsOf({ properties, additionalProperties, items, prefixItems }: JsonObject): unknown[] {
  return [
    ...(isObject(properties) ? Object.values(properties) : []),
    ...(Array.isArray(prefixItems) ? (prefixItems as unknown[]) : []),
    additionalProperties,
    items,
  ];
}

function nodeOf(schema: unknown, reading: Reading): Node | null {
  if (!isObject(schema)) return null;
  const known = reading.nodes.get(schema);
  if (known !== undefined) return known;
  const options = optionsOf(schema, reading);
  const string = only('string', options);
  const { properties, additionalProperties } = only('object', options) ?? {};
  const { prefixItems, items } = only('array', options) ?? {};
  const node: Node = {
    string: isCounted(string, reading) ? lengthOf(string) : null,
    property: (name) => {
      const isNamed = isObject(properties) && Object.hasOwn(properties, name);
      return nodeOf(isNamed ? properties[name] : additionalProperties, reading);
    },
    item: (index) => {
      const first: readonly unknown[] = Array.isArray(prefixItems) ? prefixItems : [];
      return nodeOf(index < first.length ? first[index] : items, reading);
    },
  };
  reading.nodes.set(schema, node);
  return node;
}
