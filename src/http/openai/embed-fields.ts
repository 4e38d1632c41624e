import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { PLAIN_EMBED, type EmbedRequest, type RequestOrigin } from '../../tokenizer-manager';
import { handlingOf, MEASUREMENT, prompts, RANK_FIELDS, strings, textsOrIds } from '../native/prompt-fields';

/** What OpenAI's routes for vectors and labels have in common. */
export const embedFields = {
  input: prompts,
  model: z.string({ error: 'must be a string' }).nullish(),
  rid: strings,
  ...MEASUREMENT,
  ...RANK_FIELDS,
};

/** @throws RequestError `bad_value` for an empty text or list */
export function embedRequestOf(
  body: z.output<z.ZodObject<typeof embedFields>>,
  origin: RequestOrigin,
): EmbedRequest {
  const { input, rid } = body;
  if (input.length === 0) throw new RequestError('bad_value', 'Input cannot be empty', 'input');
  return { ...PLAIN_EMBED, ...textsOrIds(input), rid: rid ?? null, ...handlingOf(body, origin) };
}
