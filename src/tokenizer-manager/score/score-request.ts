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

/** A query and its items, all texts or all token ids. */
export type ScoreParts =
  | { readonly kind: 'text'; readonly query: string; readonly items: readonly string[] }
  | {
      readonly kind: 'ids';
      readonly query: readonly number[];
      readonly items: readonly (readonly number[])[];
    };

/** @throws RequestError `bad_value` for too many items, and where one is a text and the other is not */
export function scoreParts({ query, items }: Pick<ScoreRequest, 'query' | 'items'>): ScoreParts {
  const list = typeof items === 'string' ? [items] : items;
  if (query !== null && list !== null) {
    if (list.length > MAX_ITEMS)
      refuse(`items must have at most ${MAX_ITEMS} entries, got ${list.length}.`, 'items');
    if (typeof query === 'string' && isStringList(list)) return { kind: 'text', query, items: list };
    if (isIntegerList(query) && isIntegerLists(list)) return { kind: 'ids', query, items: list };
  }
  refuse('Invalid combination of query/items types for score_request.');
}

/** One prompt for each item: query and item one behind the other, as they are. */
export function scorePrompts(
  parts: ScoreParts,
  itemFirst: boolean,
): Pick<GenerateRequest, 'text' | 'inputIds'> {
  if (parts.kind === 'text') {
    const { query, items } = parts;
    return { text: items.map((item) => (itemFirst ? item + query : query + item)), inputIds: null };
  }
  const { query, items } = parts;
  return {
    text: null,
    inputIds: items.map((item) => (itemFirst ? [...item, ...query] : [...query, ...item])),
  };
}

function refuse(message: string, param: string | null = null): never {
  throw new RequestError('bad_value', message, param);
}
