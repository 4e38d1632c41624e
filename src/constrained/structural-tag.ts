import { MAX_DEPTH, checkSize, refuse } from './bounds';
import { checkRegex } from './regex/check-regex';
import { writeRegex } from './regex/write-regex';
import { readSchema } from './schema/read-schema';
import { isObject, refuseUnenforced, type JsonObject, type ReportUnenforced } from './schema/report';

const FIELD = 'structural_tag';

/**
 * Reads a structural tag of either form: `{type, format}`, or the older `{type, structures, triggers}`.
 * @param unenforced told of what schemas in it ask in vain; by default the request is refused
 * @returns the newer form, with schemas and patterns as the engine enforces them
 * @throws RequestError `bad_value`
 */
export function readStructuralTag(
  tag: unknown,
  unenforced: ReportUnenforced = refuseUnenforced(FIELD),
): object {
  if (!isObject(tag)) return refuse(FIELD, `${FIELD} must be an object.`);
  const format = 'structures' in tag ? fromLegacy(tag) : tag['format'];
  return { type: FIELD, format: read(format, 'format', 0, unenforced) };
}

/** Any text, in which each trigger begins one of the structures that start with it. */
function fromLegacy({ structures, triggers }: JsonObject): object {
  if (!Array.isArray(structures) || !Array.isArray(triggers)) {
    refuse(FIELD, `${FIELD} must have structures and triggers, which are lists.`);
  }
  const tags = structures.map((structure: unknown, i) => {
    if (!isObject(structure)) return refuse(FIELD, `${FIELD}: structures/${i} must be an object.`);
    const { begin, schema, end } = structure;
    return { type: 'tag', begin, content: { type: 'json_schema', json_schema: schema ?? {} }, end };
  });
  return { type: 'triggered_tags', triggers, tags };
}

function read(format: unknown, path: string, depth: number, unenforced: ReportUnenforced): object {
  if (depth > MAX_DEPTH) refuse(FIELD, `${FIELD} is nested deeper than ${MAX_DEPTH}.`);
  if (!isObject(format)) return refuse(FIELD, `${FIELD}: ${path} must be an object with a type.`);
  const inner = (key: string) => read(format[key], `${path}/${key}`, depth + 1, unenforced);
  const each = (key: string) => {
    const parts = format[key];
    if (!Array.isArray(parts)) return refuse(FIELD, `${FIELD}: ${path}/${key} must be a list.`);
    return parts.map((part, i) => read(part, `${path}/${key}/${i}`, depth + 1, unenforced));
  };
  switch (format['type']) {
    case 'any_text':
    case 'const_string':
      return format;
    case 'json_schema':
    case 'qwen_xml_parameter':
      return { ...format, json_schema: readSchema(format['json_schema'] ?? {}, FIELD, unenforced) };
    case 'regex': {
      const where = `${FIELD}: ${path}/pattern`;
      return {
        ...format,
        pattern: writeRegex(checkRegex(text(format, 'pattern', path), where), 'text', where),
      };
    }
    case 'grammar':
      checkSize(FIELD, text(format, 'grammar', path));
      return format;
    case 'sequence':
    case 'or':
      return { ...format, elements: each('elements') };
    case 'tag':
      return { ...format, content: inner('content') };
    case 'triggered_tags':
    case 'tags_with_separator':
      return { ...format, tags: each('tags') };
    default:
      return refuse(
        FIELD,
        `${FIELD}: type of ${path} is not known: ${JSON.stringify(format['type'])?.slice(0, 64)}.`,
      );
  }
}

function text(format: JsonObject, key: string, path: string): string {
  const value = format[key];
  return typeof value === 'string' ? value : refuse(FIELD, `${FIELD}: ${path}/${key} must be a string.`);
}
