import {
  argumentSchema,
  isObject,
  MAX_DEPTH,
  resolve,
  typesOf,
  type ArgumentSchema,
  type JsonObject,
} from '../xml/argument-schema';
import { jsonOf, type TagFormat } from './call-form';
import { textWithout } from './free-text';

/** How a format writes an argument: texts as they are, all else as JSON. */
export interface ArgumentForm {
  /** @param isText whether the value is a text */
  readonly begin: (key: string, isText: boolean) => string;
  readonly end: string;
  /** What ends a value for whoever reads it. Each begins with `<`, and has it nowhere else. */
  readonly endings: readonly string[];
}

const NOTHING: TagFormat = { type: 'grammar', grammar: 'root ::= ""' };
/** Keywords that hold values to nothing. */
const REMARKS = ['title', 'description', 'default', 'examples', 'deprecated', '$schema', '$id', '$comment'];
const OF_CALLS = new Set([
  ...REMARKS,
  'type',
  'properties',
  'required',
  'additionalProperties',
  '$defs',
  'definitions',
]);
const OF_TEXTS = new Set([...REMARKS, 'type']);
/** What a schema has in it of which `<` cannot be kept out, or which is not to be understood apart from the whole. */
const CLOSED = /<|"(?:pattern|format|minLength|maxLength)":|"\$ref":"(?!#\/(?:\$defs|definitions)\/)/;

/**
 * All arguments of a call, in the order of the schema's properties.
 * @returns null where they cannot be held to the schema in this form
 */
export function argumentsIn(form: ArgumentForm, schema: unknown): TagFormat | null {
  if (!isObject(schema) || !hasOnly(schema, OF_CALLS)) return null;
  const { type = 'object', properties, required = [] } = schema;
  if (type !== 'object' || !isObject(properties) || !Array.isArray(required)) return null;
  if (!required.every((key) => typeof key === 'string' && Object.hasOwn(properties, key))) return null;
  const elements: TagFormat[] = [];
  for (const key of Object.keys(properties)) {
    const argument = argumentIn(form, key, argumentSchema(schema, key));
    if (argument === null) return null;
    elements.push(required.includes(key) ? argument : { type: 'or', elements: [argument, NOTHING] });
  }
  return elements.length === 0 ? NOTHING : { type: 'sequence', elements };
}

function argumentIn(form: ArgumentForm, key: string, schema: ArgumentSchema): TagFormat | null {
  const types = typesOf(schema);
  const isText = types.length === 0 || types.includes('string');
  // Whoever reads a value that may be of several types takes it for one of the first.
  if (!/^[^\s<>"=]+$/.test(key) || (!isText && types.length > 1)) return null;
  const content = isText ? textIn(form, schema) : jsonIn(schema);
  return content && { type: 'tag', begin: form.begin(key, isText), content, end: form.end };
}

/** A text as it is: one of those that are listed, or any. */
function textIn({ endings }: ArgumentForm, { schema, root }: ArgumentSchema): TagFormat | null {
  const listed = isObject(schema) ? listOf(schema) : null;
  if (listed !== null) {
    // These would be read as another text, or as none.
    if (!listed.every((text) => typeof text === 'string' && /^[^<\p{Cc}]+$/u.test(text) && !isNull(text)))
      return null;
    return { type: 'or', elements: listed.map((value) => ({ type: 'const_string', value })) };
  }
  return allowsAnyText(schema, root) ? { type: 'grammar', grammar: textWithout(endings) } : null;
}

/** The values of a schema that does nothing but list them. */
function listOf({ enum: values, const: value, ...others }: JsonObject): readonly unknown[] | null {
  if (!hasOnly(others, OF_TEXTS) || (values !== undefined && value !== undefined)) return null;
  if (value !== undefined) return [value];
  return Array.isArray(values) ? values : null;
}

function isNull(text: string): boolean {
  return text.trim().toLowerCase() === 'null';
}

function allowsAnyText(schema: unknown, root: unknown, depth = 0): boolean {
  if (schema === undefined || schema === true) return true;
  if (!isObject(schema) || depth > MAX_DEPTH) return false;
  const { $ref, anyOf, ...own } = schema;
  if (!hasOnly(own, OF_TEXTS)) return false;
  const isOf = (member: unknown) => allowsAnyText(member, root, depth + 1);
  if (typeof $ref === 'string') return isOf(resolve($ref, root));
  if (Array.isArray(anyOf)) return anyOf.some(isOf);
  return own['type'] === undefined || [own['type']].flat().includes('string');
}

/** A value as JSON, in which strings escape what would end it. */
function jsonIn({ schema, root }: ArgumentSchema): TagFormat | null {
  if (!isObject(schema)) return null;
  const { $defs, definitions } = root as JsonObject;
  const whole = {
    ...schema,
    ...($defs !== undefined && { $defs }),
    ...(definitions !== undefined && { definitions }),
  };
  const text = JSON.stringify(whole, (key, value: unknown) =>
    REMARKS.includes(key) && typeof value === 'string' ? undefined : value,
  );
  return CLOSED.test(text) ? null : { ...jsonOf(whole), excludes: '<' };
}

function hasOnly(schema: JsonObject, keywords: ReadonlySet<string>): boolean {
  return Object.keys(schema).every((key) => keywords.has(key));
}
