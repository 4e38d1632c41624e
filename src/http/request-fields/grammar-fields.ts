import type { Response } from 'express';
import { z } from 'zod';
import { readSchema } from '../../constrained/schema/read-schema';
import { RequestError } from '../../core/errors';
import type { RawSamplingParams } from '../../tokenizer-manager';

const text = z.string({ error: 'must be a string' }).nullish();
const schema = z
  .union([z.string(), z.record(z.string(), z.unknown())], { error: 'must be a JSON Schema' })
  .nullish();
const choices = z.array(z.string(), { error: 'must be a list of strings' }).nullish();

/** Where a request can say what its answer must look like: OpenAI's form, SGLang's and vLLM's. */
export const grammarFields = {
  response_format: z.looseObject({ type: z.string() }, { error: 'must be an object with a type' }).nullish(),
  json_schema: schema,
  regex: text,
  ebnf: text,
  structured_outputs: z
    .strictObject(
      {
        json: schema,
        regex: text,
        choice: choices,
        grammar: text,
        json_object: z.boolean().nullish(),
        structural_tag: schema,
      },
      { error: 'must be an object with one of json, regex, choice, grammar, json_object and structural_tag' },
    )
    .nullish(),
  guided_json: schema,
  guided_regex: text,
  guided_choice: choices,
  guided_grammar: text,
};

export type GrammarFields = z.output<z.ZodObject<typeof grammarFields>>;

/** A request's grammar as `/generate` takes it. */
export interface RequestedGrammar {
  /** One of the sampling parameters for grammars, or none. */
  readonly params: RawSamplingParams;
  /** Whether what cannot be enforced is left out of a schema (`strict: false`). */
  readonly isLenient: boolean;
  /** The keywords that are. */
  readonly unenforced: readonly string[];
}

/** Any object. */
const OBJECT = { type: 'object' };

/** @throws RequestError `bad_value` for more than one, and for a form that is not known */
export function readGrammarFields(body: GrammarFields): RequestedGrammar {
  const { structured_outputs: outputs, response_format: format } = body;
  const all: readonly (readonly [name: string, value: unknown])[] = [
    ...formatParams(format),
    ['json_schema', body.json_schema],
    ['json_schema', body.guided_json],
    ['json_schema', outputs?.json],
    ['json_schema', outputs?.json_object === true ? OBJECT : null],
    ['regex', body.regex],
    ['regex', body.guided_regex],
    ['regex', outputs?.regex],
    ['regex', choiceRegex(body.guided_choice)],
    ['regex', choiceRegex(outputs?.choice)],
    ['ebnf', body.ebnf],
    ['ebnf', body.guided_grammar],
    ['ebnf', outputs?.grammar],
    ['structural_tag', outputs?.structural_tag],
  ];
  const given = all.filter(([, value]) => value !== null && value !== undefined);
  if (given.length > 1) {
    throw new RequestError(
      'bad_value',
      'Only one of json_schema, regex, ebnf, or structural_tag can be set.',
    );
  }
  const isLenient = format?.type === 'json_schema' && strictness(format) === false;
  const unenforced = new Set<string>();
  if (isLenient) readSchema(given[0]?.[1], 'response_format', (keyword) => unenforced.add(keyword));
  return { params: Object.fromEntries(given), isLenient, unenforced: [...unenforced] };
}

/** Says in a header which keywords the answer is not held to. */
export function tellUnenforced(res: Response, { unenforced }: RequestedGrammar): void {
  if (unenforced.length > 0) res.setHeader('x-sglang-unenforced', unenforced.join(','));
}

function formatParams(format: GrammarFields['response_format']): (readonly [string, unknown])[] {
  switch (format?.type) {
    case undefined:
    case 'text':
      return [];
    case 'json_object':
      return [['json_schema', OBJECT]];
    case 'json_schema':
      return [['json_schema', schemaOf(format)]];
    case 'structural_tag':
      return [['structural_tag', format]];
    default:
      throw new RequestError(
        'bad_value',
        `response_format.type must be text, json_object, json_schema or structural_tag, got ${format?.type.slice(0, 64)}.`,
        'response_format',
      );
  }
}

type Format = NonNullable<GrammarFields['response_format']>;

function schemaOf({ json_schema: named }: Format): unknown {
  const schema = isObject(named) ? (named['schema'] ?? null) : null;
  if (schema !== null) return schema;
  throw new RequestError(
    'bad_value',
    'schema_ is required for json_schema response format request.',
    'response_format',
  );
}

function strictness({ json_schema: named }: Format): boolean | null {
  const strict = isObject(named) ? (named['strict'] ?? null) : null;
  if (strict === null || typeof strict === 'boolean') return strict;
  throw new RequestError(
    'bad_request',
    'response_format.json_schema.strict: must be true or false',
    'response_format',
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One of these texts and nothing else. */
function choiceRegex(texts: readonly string[] | null | undefined): string | null {
  if (texts === null || texts === undefined) return null;
  if (texts.length === 0) throw new RequestError('bad_value', 'A list of choices must not be empty.');
  const escaped = texts.map((choice) =>
    [...choice].map((character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`).join(''),
  );
  return escaped.join('|');
}
