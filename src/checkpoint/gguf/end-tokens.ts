import type { Metadata } from './metadata';

const KEYS = ['eos_token_id', 'eot_token_id', 'eom_token_id'];
/** Texts of tokens that end an answer wherever they are special, whether or not a file says so. */
const TEXTS = new Set([
  '<|endoftext|>',
  '<|end_of_text|>',
  '<|eot_id|>',
  '<|eom_id|>',
  '<|im_end|>',
  '<|end|>',
  '<end_of_turn>',
]);
const CONTROL = 3;
const USER_DEFINED = 4;

/** Ids that end an answer: those that the file names, and special tokens that are made for nothing else. */
export function endTokenIds(metadata: Metadata): number[] {
  const named = KEYS.map((key) => metadata.whole(`tokenizer.ggml.${key}`));
  const types = metadata.numbers('tokenizer.ggml.token_type') ?? [];
  const known = (metadata.texts('tokenizer.ggml.tokens') ?? []).flatMap((text, id) =>
    TEXTS.has(text) && (types[id] === CONTROL || types[id] === USER_DEFINED) ? [id] : [],
  );
  return [...new Set([...named.filter((id) => id !== null), ...known])];
}
