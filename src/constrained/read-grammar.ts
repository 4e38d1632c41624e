import { errorMessage, RequestError } from '../core/errors';
import { ANY_JSON, type Grammar } from '../core/grammar';
import { checkRegex } from './regex/check-regex';
import { writeRegex } from './regex/write-regex';
import { checkSize, checkWritten } from './bounds';
import { readSchema } from './schema/read-schema';
import type { ReportUnenforced } from './schema/report';
import { readStructuralTag } from './structural-tag';

/** Where a request can say what its output must look like. An object stands for its JSON. */
export interface GrammarFields {
  readonly json_schema?: string | object | null | undefined;
  readonly regex?: string | null | undefined;
  readonly ebnf?: string | null | undefined;
  readonly structural_tag?: string | object | null | undefined;
}

/**
 * The grammar of a request, checked for everything that can be known without compiling it, and in the form that the engine takes.
 * @param isLenient whether what cannot be enforced is left out of a schema
 * @returns null where the request has none
 * @throws RequestError `bad_value` for one that is not sound, too large, or of which the engine would drop a part
 */
export function readGrammar(
  { json_schema, regex, ebnf, structural_tag }: GrammarFields,
  isLenient = false,
): Grammar | null {
  const given = [json_schema, regex, ebnf, structural_tag].filter((field) => (field ?? null) !== null);
  if (given.length > 1) {
    throw new RequestError(
      'bad_value',
      'Only one of json_schema, regex, ebnf, or structural_tag can be set.',
    );
  }
  if (json_schema != null) return { kind: 'json', source: jsonSource(json_schema, isLenient) };
  if (regex != null) {
    checkSize('regex', regex);
    return { kind: 'regex', source: writeRegex(checkRegex(regex, 'regex'), 'text', 'regex') };
  }
  if (ebnf != null) {
    checkSize('ebnf', ebnf);
    return { kind: 'ebnf', source: ebnf };
  }
  if (structural_tag != null) {
    const tag = parse('structural_tag', structural_tag);
    const read = JSON.stringify(readStructuralTag(tag, leniency(isLenient)));
    return { kind: 'structural_tag', source: checkWritten('structural_tag', read) };
  }
  return null;
}

function jsonSource(schema: string | object, isLenient: boolean): string {
  if (schema === ANY_JSON) return ANY_JSON;
  const read = readSchema(parse('json_schema', schema), 'json_schema', leniency(isLenient));
  return checkWritten('json_schema', JSON.stringify(read));
}

/** Leaves out what cannot be enforced; undefined where that is refused. */
function leniency(isLenient: boolean): ReportUnenforced | undefined {
  return isLenient ? () => undefined : undefined;
}

function parse(field: string, value: string | object): unknown {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  checkSize(field, text);
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RequestError('bad_value', `${field} is not JSON: ${errorMessage(error)}`, field);
  }
}
