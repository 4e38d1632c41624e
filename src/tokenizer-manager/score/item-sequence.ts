import { RequestError } from '../../core/errors';
import { promptIds, type PromptContext } from '../prompt-message';
import { inSlices } from '../slices';
import type { ScoreParts } from './score-request';

/** A query with its items, as token ids. */
export interface ItemSequence {
  /** One prompt for each item. */
  readonly inputIds: readonly (readonly number[])[];
  /** Tokens of query and items, with a delimiter before each item and one at the end. */
  readonly length: number;
}

/**
 * The prompts of a server with `--multi-item-scoring-delimiter`. SGLang puts the query and all items into one sequence, in which an
 * item attends to the query and to itself, at the places it has behind the query: its scores are those of a prompt of its own, and
 * such a prompt it gets here. Texts are tokenized one by one, because a delimiter would stand between them.
 * @throws RequestError `bad_value` for ids that are not of the vocabulary, or are the delimiter
 */
export async function itemSequence(
  { query, items }: ScoreParts,
  delimiter: number,
  context: Omit<PromptContext, 'reasoning'>,
  gone: AbortSignal,
): Promise<ItemSequence> {
  const read = async (part: string | readonly number[], name: string, addSpecialTokens: boolean) => {
    const given = typeof part === 'string' ? { text: part, inputIds: null } : { text: null, inputIds: part };
    const ids = await promptIds({ ...given, addSpecialTokens }, context, gone);
    if (ids.includes(delimiter)) refuse(`${name} contains the delimiter of items, token ${delimiter}.`);
    return ids;
  };
  const before = await read(query, 'query', true);
  const own = await inSlices([...items.entries()], ([i, item]) => read(item, `items[${i}]`, false));
  return {
    inputIds: own.map((ids) => [...before, ...ids]),
    length: own.reduce((sum, ids) => sum + ids.length + 1, before.length + 1),
  };
}

function refuse(message: string): never {
  throw new RequestError('bad_value', message);
}
