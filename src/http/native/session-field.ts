import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { parseAs } from '../../core/parse';
import type { SessionParams } from '../../tokenizer-manager';

const text = z.string({ error: 'must be a string' }).nullish();
const flag = z.boolean({ error: 'must be true or false' }).nullish();

const schema = z.strictObject(
  {
    id: text,
    rid: text,
    offset: z.int({ error: 'must be an integer' }).nullish(),
    replace: flag,
    drop_previous_output: flag,
  },
  {
    error: ({ code, keys }) =>
      code === 'unrecognized_keys' ? `unknown field ${keys.join(', ')}` : 'must be an object',
  },
);

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isObjectOrNull = (value: unknown) => value === null || isObject(value);
const { $schema, ...JSON_SCHEMA } = z.toJSONSchema(schema, { io: 'input' });
void $schema; // The document that shows it says its own.

/** `session_params`: where in a session a request goes on; an object, or a list with one for each prompt. */
export const SESSION_FIELD = {
  session_params: z
    .custom<object | (object | null)[]>(
      (value) => isObject(value) || (Array.isArray(value) && value.every(isObjectOrNull)),
      { error: 'must be an object or a list of them' },
    )
    .meta({ anyOf: [JSON_SCHEMA, { type: 'array', items: { anyOf: [JSON_SCHEMA, { type: 'null' }] } }] })
    .nullish(),
};

/**
 * What a body says in `SESSION_FIELD`; null where it names no session.
 * @throws RequestError for what it cannot be, and for several sessions
 */
export function sessionOf({
  session_params: given,
}: z.output<z.ZodObject<typeof SESSION_FIELD>>): SessionParams | null {
  const listed = (Array.isArray(given) ? given : [given]).filter((each) => each != null);
  if (listed.length > 1) {
    throw new RequestError(
      'bad_value',
      'session_params: must be one object, because a session goes on with one request at a time.',
      'session_params',
    );
  }
  if (listed.length === 0) return null;
  const { id, rid, offset, replace, drop_previous_output } = parseAs(schema, listed[0], 'session_params');
  if (id == null) return null;
  return {
    id,
    rid: rid ?? null,
    offset: offset ?? null,
    replace: replace ?? false,
    dropPreviousOutput: drop_previous_output ?? false,
  };
}
