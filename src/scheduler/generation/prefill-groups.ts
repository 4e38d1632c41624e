import { isExact } from './exact-run';
import type { PrefillItem } from './prefill-round';

/** Padding a batch of prompts may compute in vain, as a share of its tokens. */
const MAX_PADDING = 0.25;

/**
 * Splits a prefill batch into what runs at once. The attention operator computes several rows of several tokens each only
 * where no row has a past, padded to the longest; so whole first prompts of similar length that lie in adjacent rows go
 * together, and everything else one by one.
 */
export function prefillGroups(items: readonly PrefillItem[]): PrefillItem[][] {
  const groups: PrefillItem[][] = [];
  for (const item of items) {
    const group = groups.at(-1);
    if (group && joins(group, item)) group.push(item);
    else groups.push([item]);
  }
  return groups;
}

function joins(group: readonly PrefillItem[], item: PrefillItem): boolean {
  const last = group.at(-1) as PrefillItem;
  if (!isWholeFirstPrompt(last) || !isWholeFirstPrompt(item) || item.request.row !== last.request.row + 1)
    return false;
  const lengths = [...group, item].map(({ tokens }) => tokens);
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const rows = Math.max(...lengths) * lengths.length;
  const isScored = group.some(({ request }) => request.isScored) || item.request.isScored;
  return rows <= tokens * (1 + MAX_PADDING) && (!isScored || isExact(rows));
}

function isWholeFirstPrompt({ request, tokens }: PrefillItem): boolean {
  return request.cachedLen === 0 && tokens === request.length && !request.wantsPromptLogprobs;
}
