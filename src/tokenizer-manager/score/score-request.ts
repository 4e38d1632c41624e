import { RequestError } from '../../core/errors';
import { isIntegerList, isIntegerLists, isStringList } from '../../core/parse';
import type { GenerateRequest } from '../generate-request';

/** A request for how likely tokens are after each of several texts that have a part in common. */
export interface ScoreRequest {
  readonly query: string | readonly number[] | null;
  readonly items: string | readonly string[] | readonly (readonly number[])[] | null;
  readonly labelTokenIds: readonly number[] | null;
  /** Whether the scores of an item are made to add up to 1. */
  readonly applySoftmax: boolean;
  /** Whether an item stands before the query. */
  readonly itemFirst: boolean;
  /** What it has in common with any other request. */
  readonly common: Pick<
    GenerateRequest,
    | 'rid'
    | 'priority'
    | 'routingKey'
    | 'extraKey'
    | 'dpRank'
    | 'noLogs'
    | 'logMetrics'
    | 'customLabels'
    | 'origin'
  >;
}

const MAX_ITEMS = 10_000;
/** As many as a request may ask log-probabilities of. */
const MAX_LABELS = 1024;

/**
 * @param vocabSize tokens the model knows
 * @throws RequestError `bad_value`
 */
export function checkLabels(labels: readonly number[] | null, vocabSize: number): readonly number[] {
  if (labels === null || labels.length === 0) refuse('label_token_ids must be provided', 'label_token_ids');
  const outside = labels.find((id) => id < 0 || id >= vocabSize);
  if (outside !== undefined) {
    refuse(`Token ID ${outside} is out of vocabulary (vocab size: ${vocabSize})`, 'label_token_ids');
  }
  if (labels.length <= MAX_LABELS) return labels;
  refuse(`label_token_ids must have at most ${MAX_LABELS} entries, got ${labels.length}.`, 'label_token_ids');
}

/**
 * One prompt for each item: query and item one behind the other, as they are.
 * @throws RequestError `bad_value` where one is a text and the other is not
 */
export function scorePrompts({
  query,
  items,
  itemFirst,
}: Pick<ScoreRequest, 'query' | 'items' | 'itemFirst'>): Pick<GenerateRequest, 'text' | 'inputIds'> {
  const list = typeof items === 'string' ? [items] : items;
  if (query !== null && list !== null) {
    if (list.length > MAX_ITEMS)
      refuse(`items must have at most ${MAX_ITEMS} entries, got ${list.length}.`, 'items');
    if (typeof query === 'string' && isStringList(list)) {
      return { text: list.map((item) => (itemFirst ? item + query : query + item)), inputIds: null };
    }
    if (isIntegerList(query) && isIntegerLists(list)) {
      return {
        text: null,
        inputIds: list.map((item) => (itemFirst ? [...item, ...query] : [...query, ...item])),
      };
    }
  }
  refuse('Invalid combination of query/items types for score_request.');
}

function refuse(message: string, param: string | null = null): never {
  throw new RequestError('bad_value', message, param);
}
