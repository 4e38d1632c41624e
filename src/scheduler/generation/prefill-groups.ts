import { isExact } from './exact-run';
import { tokensOf, type PrefillItem } from './prefill-round';

/** Padding a batch of prompts may compute in vain, as a share of its tokens. */
const MAX_PADDING = 0.25;

/** Tokens of a run from which on another prompt makes it longer and no better: who is in it waits for all of it. */
const ENOUGH_TOKENS = 512;

/**
 * Splits a prefill batch into what runs at once, of adjacent rows. Where rows are packed that is anything; else the attention operator
 * computes several rows of several tokens each only where none has a past, padded to the longest, so whole first prompts of
 * similar length go together, and everything else one by one.
 * @param packs see `ModelRunner.packs`
 */
export function prefillGroups(items: readonly PrefillItem[], packs: boolean): PrefillItem[][] {
  const groups: PrefillItem[][] = [];
  for (const item of items) {
    const group = groups.at(-1);
    if (group && adjoins(group, item) && (packs ? fits(group, item) : pads(group, item))) group.push(item);
    else groups.push([item]);
  }
  return groups;
}

/** Whether a step of so many streams can be in the run of a group. */
export function joinsSteps(group: readonly PrefillItem[], streams: number): boolean {
  return group.every(isPlain) && (!isScored(group) || isExact(tokensOf(group) + streams));
}

function adjoins(group: readonly PrefillItem[], item: PrefillItem): boolean {
  return item.request.row === (group.at(-1) as PrefillItem).request.row + 1;
}

function fits(group: readonly PrefillItem[], item: PrefillItem): boolean {
  const all = [...group, item];
  const tokens = tokensOf(all);
  return tokens <= ENOUGH_TOKENS && all.every(isPlain) && (!isScored(all) || isExact(tokens));
}

function pads(group: readonly PrefillItem[], item: PrefillItem): boolean {
  const all = [...group, item];
  const rows = Math.max(...all.map(({ tokens }) => tokens)) * all.length;
  const areWhole = all.every((each) => isPlain(each) && isWholeFirstPrompt(each));
  return areWhole && rows <= tokensOf(all) * (1 + MAX_PADDING) && (!isScored(all) || isExact(rows));
}

/** Whether a piece needs no logits but those of its prompt's last token: those of others are computed a bounded number at a time. */
function isPlain({ request }: PrefillItem): boolean {
  return !request.wantsPromptLogprobs;
}

function isWholeFirstPrompt({ request, tokens }: PrefillItem): boolean {
  return request.cachedLen === 0 && tokens === request.length;
}

function isScored(items: readonly PrefillItem[]): boolean {
  return items.some(({ request }) => request.isScored);
}
