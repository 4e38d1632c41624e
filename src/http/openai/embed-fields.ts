import { z } from 'zod';
import { RequestError } from '../../core/errors';
import { PLAIN_EMBED, type EmbedRequest, type RequestOrigin } from '../../tokenizer-manager';
import {
  handlingOf,
  MEASUREMENT,
  prompts,
  RANK_FIELDS,
  strings,
  textsOrIds,
  type Prompts,
} from '../native/prompt-fields';

/** What OpenAI's routes for vectors and labels have in common. */
export const embedFields = {
  input: prompts,
  model: z.string({ error: 'must be a string' }).nullish(),
  rid: strings,
  ...MEASUREMENT,
  ...RANK_FIELDS,
};

/** @throws RequestError `bad_value`, in SGLang's words, for what holds nothing and for ids below 0 */
export function embedRequestOf(
  body: z.output<z.ZodObject<typeof embedFields>>,
  origin: RequestOrigin,
): EmbedRequest {
  const { input, rid } = body;
  const fault = faultOf(input);
  if (fault !== null) throw new RequestError('bad_value', fault, 'input');
  return { ...PLAIN_EMBED, ...textsOrIds(input), rid: rid ?? null, ...handlingOf(body, origin) };
}

function faultOf(input: Prompts): string | null {
  if (input.length === 0) return 'Input cannot be empty';
  if (typeof input === 'string') return isBlank(input) ? 'Input cannot be empty or whitespace only' : null;
  for (const [i, item] of input.entries()) {
    if (typeof item === 'number') {
      if (item < 0) return `Token ID at index ${i} must be non-negative`;
    } else if (typeof item === 'string') {
      if (isBlank(item)) return `Input at index ${i} cannot be empty or whitespace only`;
    } else {
      if (item.length === 0) return `Input at index ${i} cannot be empty`;
      if (item.some((id) => id < 0)) return `Input at index ${i} contains negative token IDs`;
    }
  }
  return null;
}

const isBlank = (text: string) => text.trim() === '';
